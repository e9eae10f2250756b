/*
 * The reader of definition files: one small, sound file, of which each row replaces one line.
 */
#include "objects-xml/ddf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

/* clang-format off */
static const char *const sound[] = {
    /*  1 */ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    /*  2 */ "<LWM2M>",
    /*  3 */ " <Object ObjectType=\"MODefinition\">",
    /*  4 */ "  <Name>Lamp</Name>",
    /*  5 */ "  <ObjectID>31000</ObjectID>",
    /*  6 */ "  <ObjectURN>urn:oma:lwm2m:x:31000:1.1</ObjectURN>",
    /*  7 */ "  <LWM2MVersion>1.2</LWM2MVersion>",
    /*  8 */ "  <ObjectVersion>1.1</ObjectVersion>",
    /*  9 */ "  <MultipleInstances>Multiple</MultipleInstances>",
    /* 10 */ "  <Mandatory>Optional</Mandatory>",
    /* 11 */ "  <Resources>",
    /* 12 */ "   <Item ID=\"7\">",
    /* 13 */ "    <Name>Level</Name>",
    /* 14 */ "    <Operations>RW</Operations>",
    /* 15 */ "    <MultipleInstances>Single</MultipleInstances>",
    /* 16 */ "    <Mandatory>Mandatory</Mandatory>",
    /* 17 */ "    <Type>Integer</Type>",
    /* 18 */ "    <RangeEnumeration>0..100</RangeEnumeration>",
    /* 19 */ "    <Units>/100</Units>",
    /* 20 */ "    <Description>How bright</Description>",
    /* 21 */ "   </Item>",
    /* 22 */ ("   <Item ID=\"2\"><Name>Off</Name><Operations>E</Operations><MultipleInstances>Single"
              "</MultipleInstances><Mandatory>Optional</Mandatory><Type></Type></Item>"),
    /* 23 */ "  </Resources>",
    /* 24 */ " </Object>",
    /* 25 */ "</LWM2M>",
};
/* clang-format on */

/* @return the sound file with one line replaced, for free */
static char *with_line(unsigned line, const char *replacement)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (unsigned i = 0; i < ARRAY_LEN(sound); i++) {
        fprintf(out, "%s\n", i + 1 == line ? replacement : sound[i]);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Reads a file that must be sound and hold one object. */
static struct ddf read_sound(const char *text)
{
    struct ddf file;
    struct ddf_error error;
    int err = ddf_read(text, strlen(text), &file, &error);
    if (err) {
        fail_msg("%d: %u:%u: %s\n%s", err, error.line, error.column, error.reason, text);
    }
    return file;
}

static struct ddf read_with_line(unsigned line, const char *replacement)
{
    char *text = with_line(line, replacement);
    struct ddf file = read_sound(text);
    free(text);
    assert_int_equal(file.objects_count, 1);
    return file;
}

static const struct catalogue_resource *resource_7(const struct ddf *file)
{
    return catalogue_object_resource(file->objects[0].definition, 7);
}

static void test_all_facts_are_read(void **state)
{
    (void)state;
    struct ddf file = read_with_line(1, sound[0]);
    assert_int_equal(file.objects[0].line, 3);
    const struct catalogue_object *lamp = file.objects[0].definition;
    assert_int_equal(lamp->id, 31000);
    assert_string_equal(lamp->name, "Lamp");
    assert_string_equal(lamp->urn, "urn:oma:lwm2m:x:31000:1.1");
    assert_int_equal(lamp->version.major, 1);
    assert_int_equal(lamp->version.minor, 1);
    assert_int_equal(lamp->lwm2m_version.major, 1);
    assert_int_equal(lamp->lwm2m_version.minor, 2);
    assert_true(lamp->multiple);
    assert_false(lamp->mandatory);

    assert_int_equal(lamp->resources_count, 2);
    const struct catalogue_resource *off = &lamp->resources[0]; /* sorted by id */
    assert_int_equal(off->id, 2);
    assert_string_equal(off->name, "Off");
    assert_int_equal(off->operations, CATALOGUE_EXECUTE);
    assert_int_equal(off->type, CATALOGUE_TYPE_NONE);
    assert_false(off->mandatory);
    assert_string_equal(off->range, "");
    assert_string_equal(off->units, "");
    const struct catalogue_resource *level = &lamp->resources[1];
    assert_int_equal(level->id, 7);
    assert_string_equal(level->name, "Level");
    assert_int_equal(level->operations, CATALOGUE_READ | CATALOGUE_WRITE);
    assert_false(level->multiple);
    assert_true(level->mandatory);
    assert_int_equal(level->type, CATALOGUE_TYPE_INTEGER);
    assert_string_equal(level->range, "0..100");
    assert_true(level->has_bounds);
    assert_true(level->min == 0 && level->max == 100);
    assert_string_equal(level->units, "/100");
    ddf_deinit(&file);
}

static void test_missing_versions_are_1_0(void **state)
{
    (void)state;
    static const struct {
        unsigned line;
        const char *text;
    } rows[] = { { 7, "" }, { 7, "<LWM2MVersion/>" }, { 7, "<LWM2MVersion> </LWM2MVersion>" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ddf file = read_with_line(rows[i].line, rows[i].text);
        assert_int_equal(file.objects[0].definition->lwm2m_version.major, 1);
        assert_int_equal(file.objects[0].definition->lwm2m_version.minor, 0);
        ddf_deinit(&file);
    }
    char *text = with_line(8, "");
    memcpy(strstr(text, "31000:1.1"), "31000:1.0", 9);
    struct ddf file = read_sound(text);
    assert_int_equal(file.objects[0].definition->version.major, 1);
    assert_int_equal(file.objects[0].definition->version.minor, 0);
    ddf_deinit(&file);
    free(text);
}

static void test_types_are_read_as_people_spell_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum catalogue_type type;
    } rows[] = {
        { "<Type>String</Type>", CATALOGUE_TYPE_STRING },
        { "<Type>Integer </Type>", CATALOGUE_TYPE_INTEGER },
        { "<Type>Unsigned Integer</Type>", CATALOGUE_TYPE_UNSIGNED_INTEGER },
        { "<Type>unsigned  integer</Type>", CATALOGUE_TYPE_UNSIGNED_INTEGER },
        { "<Type>UnsignedInteger</Type>", CATALOGUE_TYPE_UNSIGNED_INTEGER },
        { "<Type>Float</Type>", CATALOGUE_TYPE_FLOAT },
        { "<Type>boolean</Type>", CATALOGUE_TYPE_BOOLEAN },
        { "<Type>Opaque\n</Type>", CATALOGUE_TYPE_OPAQUE },
        { "<Type>Time\u00a0</Type>", CATALOGUE_TYPE_TIME },
        { "<Type>Objlnk</Type>", CATALOGUE_TYPE_OBJLNK },
        { "<Type>ObjLnk</Type>", CATALOGUE_TYPE_OBJLNK },
        { "<Type>Corelnk</Type>", CATALOGUE_TYPE_CORELNK },
        { "<Type>CoreLnk</Type>", CATALOGUE_TYPE_CORELNK },
        { "<Type></Type>", CATALOGUE_TYPE_NONE },
        { "<Type/>", CATALOGUE_TYPE_NONE },
        { "<Type> \t </Type>", CATALOGUE_TYPE_NONE },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ddf file = read_with_line(17, rows[i].text);
        if (resource_7(&file)->type != rows[i].type) {
            fail_msg("%s: %d", rows[i].text, (int)resource_7(&file)->type);
        }
        ddf_deinit(&file);
    }
}

static void test_operations_are_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned operations;
    } rows[] = {
        { "<Operations>R</Operations>", CATALOGUE_READ },
        { "<Operations>W</Operations>", CATALOGUE_WRITE },
        { "<Operations>E</Operations>", CATALOGUE_EXECUTE },
        { "<Operations>RW</Operations>", CATALOGUE_READ | CATALOGUE_WRITE },
        { "<Operations> wr </Operations>", CATALOGUE_READ | CATALOGUE_WRITE },
        { "<Operations></Operations>", 0 },
        { "<Operations/>", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ddf file = read_with_line(14, rows[i].text);
        assert_int_equal(resource_7(&file)->operations, rows[i].operations);
        ddf_deinit(&file);
    }
}

static void test_plain_ranges_give_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        bool has_bounds;
        double min;
        double max;
    } rows[] = {
        { "0..255", true, 0, 255 },
        { "-90..90", true, -90, 90 },
        { "0.0..1.0", true, 0, 1 },
        { "0.000001..1.0", true, 0.000001, 1 },
        { "-100.25..-0.5", true, -100.25, -0.5 },
        { "3.8 .. 20.5", true, 3.8, 20.5 },
        { "5..5", true, 5, 5 },
        { "0..18446744073709551615", true, 0, 18446744073709551615.0 },
        { "", false, 0, 0 },
        { "255", false, 0, 0 },
        { "0..255 bytes", false, 0, 0 },
        { "0-255", false, 0, 0 },
        { "1...63", false, 0, 0 },
        { "0..", false, 0, 0 },
        { "..9", false, 0, 0 },
        { "0.1.2", false, 0, 0 },
        { "-30..-120", false, 0, 0 },
        { "0..3, 99", false, 0, 0 },
        { "[1:4]", false, 0, 0 },
        { "0..1e3", false, 0, 0 },
        { "0..+5", false, 0, 0 },
        { "0..inf", false, 0, 0 },
        { "0..99999999999999999999", false, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[100];
        (void)snprintf(line, sizeof line, "<RangeEnumeration>%s</RangeEnumeration>", rows[i].range);
        struct ddf file = read_with_line(18, line);
        const struct catalogue_resource *level = resource_7(&file);
        if (level->has_bounds != rows[i].has_bounds || level->min != rows[i].min ||
            level->max != rows[i].max || strcmp(level->range, rows[i].range) != 0) {
            fail_msg("\"%s\" became \"%s\" %d %g %g", rows[i].range, level->range,
                     level->has_bounds, level->min, level->max);
        }
        ddf_deinit(&file);
    }
}

static void test_text_is_read_as_xml_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *name;
    } rows[] = {
        { "<Name> \n On \t Off\r\n</Name>", "On Off" },
        { "<Name>AT&amp;T &lt;1&gt;</Name>", "AT&T <1>" },
        { "<Name><![CDATA[a <b> & c]]></Name>", "a <b> & c" },
        { "<Name>O<!-- comment -->ne<?pi x?></Name>", "One" },
        { "<Name>Level <b>very <i>bold</i></b> 2</Name>", "Level 2" },
        { "<Name>Group\u00a0 Address\u00a0</Name>", "Group Address" },
        { "<Name>Gr\u00f6\u00dfe &#x2103; \U0001f4a1</Name>", "Gr\u00f6\u00dfe \u2103 \U0001f4a1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ddf file = read_with_line(13, rows[i].text);
        assert_string_equal(resource_7(&file)->name, rows[i].name);
        ddf_deinit(&file);
    }
}

/* What may be missing, be there in addition, or look unusual without being wrong. */
static void test_harmless_differences_are_accepted(void **state)
{
    (void)state;
    static const struct {
        unsigned line;
        const char *text;
    } rows[] = {
        { 1, "" },
        { 1, "\xef\xbb\xbf<?xml version=\"1.0\"?><!-- comment -->" },
        { 2, "<LWM2M xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
             "xsi:noNamespaceSchemaLocation=\"LWM2M.xsd\">" },
        { 3, "<Object>" },
        { 6, "" },
        { 6, "<ObjectURN></ObjectURN>" },
        { 6, "<ObjectURN>urn:oma:lwm2m:x:31000</ObjectURN>" },
        { 6, "<ObjectURN>URN:OMA:LwM2M:ext:31000:1.1</ObjectURN>" },
        { 6, "<ObjectURN>urn:example:lamp</ObjectURN>" },
        { 9, "<MultipleInstances> multiple </MultipleInstances>" },
        { 11, "<Extension><Item/><Name>not ours</Name></Extension><Resources>" },
        { 13, "<Name>Level</Name><Submitter>me</Submitter><TS><Type>Odd</Type></TS>" },
        { 18, "" },
        { 19, "" },
        { 20, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ddf file = read_with_line(rows[i].line, rows[i].text);
        assert_string_equal(file.objects[0].definition->name, "Lamp");
        assert_string_equal(resource_7(&file)->name, "Level");
        assert_int_equal(resource_7(&file)->type, CATALOGUE_TYPE_INTEGER);
        ddf_deinit(&file);
    }
}

static const struct {
    unsigned line; /* replaced by: */
    const char *text;
    unsigned error_line;
    unsigned error_column; /* 0: expat may choose */
    const char *reason;    /* beginning of it */
} broken[] = {
    { 2, "<DDFList>", 2, 1, "root element is \"DDFList\", not \"LWM2M\"" },
    { 2, "<lwm2m>", 2, 1, "root element is \"lwm2m\"" },
    { 2, "<LWM2M/>", 3, 2, "malformed XML: junk after document element" },
    { 3, " <Other>", 24, 4, "malformed XML: mismatched tag" },
    { 4, "", 3, 2, "Object has no Name" },
    { 4, "<Name> </Name>", 4, 1, "Name \"\": expected a name" },
    { 4, "  <Name>A</Name><Name>B</Name>", 4, 17, "Name is given twice" },
    { 5, "", 3, 2, "Object has no ObjectID" },
    { 5, "<ObjectID/>", 5, 1, "ObjectID \"\": expected a number 0..65535" },
    { 5, "<ObjectID>65536</ObjectID>", 5, 1, "ObjectID \"65536\": expected" },
    { 5, "<ObjectID>-1</ObjectID>", 5, 1, "ObjectID \"-1\": expected" },
    { 5, "<ObjectID>99999999999999999999</ObjectID>", 5, 1, "ObjectID \"99999999999999999999\"" },
    { 5, "<ObjectID>3x</ObjectID>", 5, 1, "ObjectID \"3x\"" },
    { 5, "<ObjectID>3</ObjectID>", 3, 2,
      "ObjectURN \"urn:oma:lwm2m:x:31000:1.1\" contradicts object 3 version 1.1" },
    { 6, "<ObjectURN>urn:oma:lwm2m:x:31000:1.0</ObjectURN>", 3, 2,
      "ObjectURN \"urn:oma:lwm2m:x:31000:1.0\" contradicts object 31000 version 1.1" },
    { 6, "<ObjectURN>urn:oma:lwm2m:x</ObjectURN>", 3, 2, "ObjectURN \"urn:oma:lwm2m:x\"" },
    { 6, "<ObjectURN>urn:oma:lwm2m:x:</ObjectURN>", 3, 2, "ObjectURN \"urn:oma:lwm2m:x:\"" },
    { 6, "<ObjectURN>urn:oma:lwm2m:x:310000</ObjectURN>", 3, 2, "ObjectURN \"urn:oma:lwm2m:x:3" },
    { 6, "<ObjectURN>urn:oma:lwm2m:x:31000:</ObjectURN>", 3, 2, "ObjectURN" },
    { 7, "<LWM2MVersion>one</LWM2MVersion>", 7, 1, "LWM2MVersion \"one\": expected a version" },
    { 8, "<ObjectVersion>1.1.1</ObjectVersion>", 8, 1, "ObjectVersion \"1.1.1\": expected" },
    { 9, "", 3, 2, "Object has no MultipleInstances" },
    { 9, "<MultipleInstances>Many</MultipleInstances>", 9, 1,
      "MultipleInstances \"Many\": expected Multiple or Single" },
    { 10, "", 3, 2, "Object has no Mandatory" },
    { 10, "<Mandatory/>", 10, 1, "Mandatory \"\": expected Mandatory or Optional" },
    { 12, "   <Item>", 12, 4, "Item has no ID" },
    { 12, "   <Item id=\"7\">", 12, 4, "Item has no ID" },
    { 12, "   <Item ID=\"\">", 12, 4, "Item ID \"\": expected a number 0..65535" },
    { 12, "   <Item ID=\"70000\">", 12, 4, "Item ID \"70000\": expected a number 0..65535" },
    { 12, "   <Item ID=\"2\">", 22, 4, "resource 2 is defined twice" },
    { 12, "   <Item ID=\"7\" ID=\"8\">", 12, 17, "malformed XML: duplicate attribute" },
    { 13, "", 12, 4, "resource 7 has no Name" },
    { 13, "<Name></Name>", 13, 1, "resource 7: Name \"\": expected a name" },
    { 14, "", 12, 4, "resource 7 has no Operations" },
    { 14, "<Operations>RX</Operations>", 14, 1,
      "resource 7: Operations \"RX\": expected R, W, RW, E or nothing" },
    { 15, "", 12, 4, "resource 7 has no MultipleInstances" },
    { 15, "<MultipleInstances>2</MultipleInstances>", 15, 1,
      "resource 7: MultipleInstances \"2\"" },
    { 16, "", 12, 4, "resource 7 has no Mandatory" },
    { 16, "<Mandatory>Option</Mandatory>", 16, 1, "resource 7: Mandatory \"Option\": expected" },
    { 17, "", 12, 4, "resource 7 has no Type" },
    { 17, "<type>Integer</type>", 12, 4, "resource 7 has no Type" },
    { 17, "<Type>Int</Type>", 17, 1, "resource 7: Type \"Int\": expected String, Integer, " },
    { 17, "<Type>Integers</Type>", 17, 1, "resource 7: Type \"Integers\"" },
    { 17, "<Type>Z\u00e4hl\x7f</Type>", 17, 1, "resource 7: Type \"Z??hl?\": expected" },
    { 17, "<Type>Float</Type><Type>Float</Type>", 17, 19, "resource 7: Type is given twice" },
    { 19, "<Units>&percent;</Units>", 19, 8, "malformed XML: undefined entity" },
    { 19, "<Units>\xff</Units>", 19, 8, "malformed XML: not well-formed (invalid token)" },
    { 19, "<Units>", 21, 6, "malformed XML: mismatched tag" },
    { 24, "", 25, 3, "malformed XML: mismatched tag" },
    { 25, "", 26, 1, "malformed XML: no element found" },
    { 1, "<?xml version=\"1.0\" encoding=\"EBCDIC-37\"?>", 1, 31,
      "malformed XML: unknown encoding" },
    { 1, "<!DOCTYPE LWM2M SYSTEM \"LWM2M.dtd\">", 1, 0, "document type declarations are refused" },
    { 1, "<!DOCTYPE L [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>", 1, 0,
      "document type declarations are refused" },
};

static void expect_error(const char *text, size_t len, unsigned line, unsigned column,
                         const char *reason)
{
    struct ddf file;
    struct ddf_error error;
    int err = ddf_read(text, len, &file, &error);
    assert_int_equal(err, -EBADMSG);
    assert_null(file.objects);
    assert_int_equal(file.objects_count, 0);
    if (error.line != line || (column && error.column != column) ||
        strncmp(error.reason, reason, strlen(reason)) != 0) {
        fail_msg("%u:%u: %s\ninstead of %u:%u: %s", error.line, error.column, error.reason, line,
                 column, reason);
    }
}

static void test_broken_files_name_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char *text = with_line(broken[i].line, broken[i].text);
        expect_error(text, strlen(text), broken[i].error_line, broken[i].error_column,
                     broken[i].reason);
        free(text);
    }
}

static void test_files_without_an_object_are_refused(void **state)
{
    (void)state;
    static const char no_object[] = "<LWM2M>\n <Other><Object/></Other>\n</LWM2M>";
    expect_error(no_object, strlen(no_object), 3, 9, "no Object in the file");
    static const char no_resources[] =
        "<LWM2M><Object><Name>A</Name><ObjectID>1</ObjectID><MultipleInstances>Single"
        "</MultipleInstances><Mandatory>Optional</Mandatory><Resources/></Object></LWM2M>";
    expect_error(no_resources, strlen(no_resources), 1, 8, "object 1 has no resources");
    expect_error("", 0, 1, 1, "malformed XML: no element found");
}

#define OBJECT(id, version)                                                                        \
    "<Object><Name>A</Name><ObjectID>" id "</ObjectID><ObjectVersion>" version "</ObjectVersion>"  \
    "<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Resources>"      \
    "<Item ID=\"" id "\"><Name>N" id "</Name><Operations>R</Operations><MultipleInstances>Single"  \
    "</MultipleInstances><Mandatory>Optional</Mandatory><Type>Time</Type></Item></Resources>"      \
    "</Object>\n"

static void test_one_file_may_hold_several_objects(void **state)
{
    (void)state;
    struct ddf file =
        read_sound("<LWM2M>" OBJECT("3", "1.0") OBJECT("3", "1.1") OBJECT("1", "1.0") "</LWM2M>");
    assert_int_equal(file.objects_count, 3);
    assert_int_equal(file.objects[1].line, 2);
    assert_int_equal(file.objects[1].definition->version.minor, 1);
    const struct catalogue_object *last = file.objects[2].definition;
    assert_int_equal(last->id, 1);
    assert_int_equal(last->resources_count, 1);
    assert_string_equal(last->resources[0].name, "N1");
    ddf_deinit(&file);

    static const char twice[] =
        "<LWM2M>\n" OBJECT("3", "1.0") OBJECT("1", "1.0") OBJECT("3", "1.0") "</LWM2M>";
    expect_error(twice, strlen(twice), 4, 1, "object 3 version 1.0 is defined twice");
}

static void test_other_encodings_are_read(void **state)
{
    (void)state;
    char *text = with_line(1, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>");
    memcpy(strstr(text, "Level"), "L\xe4v\xe9l", 5);
    struct ddf file = read_sound(text);
    assert_string_equal(resource_7(&file)->name, "L\u00e4v\u00e9l");
    ddf_deinit(&file);
    free(text);

    text = with_line(1, "");
    size_t len = strlen(text);
    char *wide = calloc(len + 1, 2);
    assert_non_null(wide);
    memcpy(wide, "\xff\xfe", 2);
    for (size_t i = 0; i < len; i++) {
        wide[2 + 2 * i] = text[i];
    }
    struct ddf_error error;
    assert_int_equal(ddf_read(wide, 2 + 2 * len, &file, &error), 0);
    assert_string_equal(resource_7(&file)->name, "Level");
    ddf_deinit(&file);
    free(wide);
    free(text);
}

static char *repeat(const char *unit, size_t count)
{
    size_t len = strlen(unit);
    char *text = malloc(count * len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * len, unit, len);
    }
    text[count * len] = '\0';
    return text;
}

static void test_text_is_bounded(void **state)
{
    (void)state;
    char *name = repeat("x", DDF_TEXT_MAX + 1);
    char line[DDF_TEXT_MAX + 100];
    (void)snprintf(line, sizeof line, "<Name>%s</Name>", name);
    char *text = with_line(13, line);
    expect_error(text, strlen(text), 13, 1, "Name is longer than 1024 bytes");
    free(text);

    name[DDF_TEXT_MAX] = '\0';
    (void)snprintf(line, sizeof line, "<Name>%s</Name>", name);
    struct ddf file = read_with_line(13, line);
    assert_string_equal(resource_7(&file)->name, name);
    ddf_deinit(&file);
    free(name);

    /* What nobody reads may be long. */
    char *description = repeat("<Description>lamps </Description>", 10000);
    file = read_with_line(20, description);
    ddf_deinit(&file);
    free(description);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char *deep = repeat("<a>", DDF_DEPTH_MAX + 1);
    char *text = with_line(20, deep);
    expect_error(text, strlen(text), 20, 3 * DDF_DEPTH_MAX + 1, "elements nested deeper than 32");
    free(text);
    free(deep);
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    char *blanks = repeat(" ", DDF_LEN_MAX + 1);
    expect_error(blanks, DDF_LEN_MAX + 1, 1, 1, "file is larger than 4194304 bytes");
    free(blanks);
}

static void test_number_of_objects_is_bounded(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fputs("<LWM2M>\n", out);
    for (int id = 0; id <= DDF_OBJECTS_MAX; id++) {
        fprintf(out,
                "<Object><Name>A</Name><ObjectID>%d</ObjectID><MultipleInstances>Single"
                "</MultipleInstances><Mandatory>Optional</Mandatory><Resources><Item ID='0'>"
                "<Name>B</Name><Operations/><MultipleInstances>Single</MultipleInstances>"
                "<Mandatory>Optional</Mandatory><Type/></Item></Resources></Object>\n",
                id);
    }
    fputs("</LWM2M>\n", out);
    assert_int_equal(fclose(out), 0);
    expect_error(text, len, DDF_OBJECTS_MAX + 2, 1, "more than 1024 objects");
    free(text);
}

/* Every prefix of a sound file is broken, and none may leak or crash. */
static void test_truncated_files_are_broken(void **state)
{
    (void)state;
    char *text = with_line(0, "");
    size_t end = (size_t)(strstr(text, "</LWM2M>") - text) + strlen("</LWM2M>");
    for (size_t len = 0; len < end; len++) {
        struct ddf file;
        struct ddf_error error = { 0 };
        assert_int_equal(ddf_read(text, len, &file, &error), -EBADMSG);
        assert_true(error.line > 0 && error.column > 0);
        assert_true(error.reason[0] != '\0');
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_facts_are_read),
        cmocka_unit_test(test_missing_versions_are_1_0),
        cmocka_unit_test(test_types_are_read_as_people_spell_them),
        cmocka_unit_test(test_operations_are_bits),
        cmocka_unit_test(test_plain_ranges_give_bounds),
        cmocka_unit_test(test_text_is_read_as_xml_has_it),
        cmocka_unit_test(test_harmless_differences_are_accepted),
        cmocka_unit_test(test_broken_files_name_place_and_reason),
        cmocka_unit_test(test_files_without_an_object_are_refused),
        cmocka_unit_test(test_one_file_may_hold_several_objects),
        cmocka_unit_test(test_other_encodings_are_read),
        cmocka_unit_test(test_text_is_bounded),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_number_of_objects_is_bounded),
        cmocka_unit_test(test_truncated_files_are_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
