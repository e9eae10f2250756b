# What belongs to an installation as a whole, and the Debian package (cpack -G DEB). A package is
# configured with -DCMAKE_INSTALL_PREFIX=/usr, because programs and units know where they lie.
configure_file(gateway/lwm2mqtt.service ${CMAKE_BINARY_DIR}/lwm2mqtt.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/lwm2mqtt.service DESTINATION lib/systemd/system)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES CHANGELOG.md README.md SECURITY.md gateway/LIMITS.md gateway/MESSAGES.md
    gateway/PROVISIONING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lwm2mqtt)
set(CPACK_PACKAGE_CONTACT "lwm2mqtt maintainers <lwm2mqtt@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
string(CONCAT CPACK_PACKAGE_DESCRIPTION
    "LwM2M devices register over CoAP. What they report is published as JSON to an MQTT broker,\n"
    "and commands published there are carried out on the devices.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS mosquitto)
configure_file(gateway/debian/conffiles.in ${CMAKE_BINARY_DIR}/conffiles @ONLY)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_BINARY_DIR}/conffiles
    ${CMAKE_SOURCE_DIR}/gateway/debian/postinst
    ${CMAKE_SOURCE_DIR}/gateway/debian/prerm
    ${CMAKE_SOURCE_DIR}/gateway/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
