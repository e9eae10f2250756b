/**
 * See model.h. Ids, types and operations as in the OMA registry (object 3442: the LwM2M
 * v1.1 Test Object, which has a resource of each data type; its start values are chosen to
 * sit at the edges of what formats can carry).
 */
#include "test/sim/model.h"

static const struct model_resource resources[] = {
    { 1, 0, VALUE_INTEGER, MODEL_READ | MODEL_MANDATORY },
    { 1, 1, VALUE_INTEGER, MODEL_READ | MODEL_WRITE | MODEL_MANDATORY },
    { 1, 2, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 1, 3, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 1, 4, VALUE_NONE, MODEL_EXECUTE },
    { 1, 5, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 1, 6, VALUE_BOOLEAN, MODEL_READ | MODEL_WRITE | MODEL_MANDATORY },
    { 1, 7, VALUE_STRING, MODEL_READ | MODEL_WRITE | MODEL_MANDATORY },
    { 1, 8, VALUE_NONE, MODEL_EXECUTE },
    { 3, 0, VALUE_STRING, MODEL_READ },
    { 3, 1, VALUE_STRING, MODEL_READ },
    { 3, 2, VALUE_STRING, MODEL_READ },
    { 3, 3, VALUE_STRING, MODEL_READ },
    { 3, 4, VALUE_NONE, MODEL_EXECUTE },
    { 3, 5, VALUE_NONE, MODEL_EXECUTE },
    { 3, 6, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 3, 7, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 3, 8, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 3, 9, VALUE_INTEGER, MODEL_READ },
    { 3, 10, VALUE_INTEGER, MODEL_READ },
    { 3, 11, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 3, 12, VALUE_NONE, MODEL_EXECUTE },
    { 3, 13, VALUE_TIME, MODEL_READ | MODEL_WRITE },
    { 3, 14, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 3, 15, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 3, 16, VALUE_STRING, MODEL_READ },
    { 3, 17, VALUE_STRING, MODEL_READ },
    { 3, 18, VALUE_STRING, MODEL_READ },
    { 3, 19, VALUE_STRING, MODEL_READ },
    { 3, 20, VALUE_INTEGER, MODEL_READ },
    { 3, 21, VALUE_INTEGER, MODEL_READ },
    { 4, 0, VALUE_INTEGER, MODEL_READ },
    { 4, 1, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 4, 2, VALUE_INTEGER, MODEL_READ },
    { 4, 3, VALUE_INTEGER, MODEL_READ },
    { 4, 4, VALUE_STRING, MODEL_READ | MODEL_MULTIPLE },
    { 4, 5, VALUE_STRING, MODEL_READ | MODEL_MULTIPLE },
    { 4, 6, VALUE_INTEGER, MODEL_READ },
    { 4, 7, VALUE_STRING, MODEL_READ | MODEL_MULTIPLE },
    { 4, 8, VALUE_INTEGER, MODEL_READ },
    { 4, 9, VALUE_INTEGER, MODEL_READ },
    { 4, 10, VALUE_INTEGER, MODEL_READ },
    { 5, 0, VALUE_OPAQUE, MODEL_WRITE | MODEL_MANDATORY },
    { 5, 1, VALUE_STRING, MODEL_READ | MODEL_WRITE | MODEL_MANDATORY },
    { 5, 2, VALUE_NONE, MODEL_EXECUTE },
    { 5, 3, VALUE_INTEGER, MODEL_READ },
    { 5, 5, VALUE_INTEGER, MODEL_READ },
    { 5, 6, VALUE_STRING, MODEL_READ },
    { 5, 7, VALUE_STRING, MODEL_READ },
    { 5, 8, VALUE_INTEGER, MODEL_READ | MODEL_MULTIPLE },
    { 5, 9, VALUE_INTEGER, MODEL_READ },
    { 6, 0, VALUE_FLOAT, MODEL_READ },
    { 6, 1, VALUE_FLOAT, MODEL_READ },
    { 6, 2, VALUE_FLOAT, MODEL_READ },
    { 6, 3, VALUE_FLOAT, MODEL_READ },
    { 6, 5, VALUE_TIME, MODEL_READ },
    { 6, 6, VALUE_FLOAT, MODEL_READ },
    { 19, 0, VALUE_OPAQUE, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 19, 1, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 19, 2, VALUE_TIME, MODEL_READ | MODEL_WRITE },
    { 19, 3, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 19, 4, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 19, 5, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 3303, 5518, VALUE_TIME, MODEL_READ },
    { 3303, 5601, VALUE_FLOAT, MODEL_READ },
    { 3303, 5602, VALUE_FLOAT, MODEL_READ },
    { 3303, 5603, VALUE_FLOAT, MODEL_READ },
    { 3303, 5604, VALUE_FLOAT, MODEL_READ },
    { 3303, 5605, VALUE_NONE, MODEL_EXECUTE },
    { 3303, 5700, VALUE_FLOAT, MODEL_READ },
    { 3303, 5701, VALUE_STRING, MODEL_READ },
    { 3303, 5750, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 3442, 0, VALUE_NONE, MODEL_EXECUTE },
    { 3442, 3, VALUE_NONE, MODEL_EXECUTE },
    { 3442, 4, VALUE_STRING, MODEL_READ | MODEL_MULTIPLE },
    { 3442, 110, VALUE_STRING, MODEL_READ | MODEL_WRITE },
    { 3442, 120, VALUE_INTEGER, MODEL_READ | MODEL_WRITE },
    { 3442, 125, VALUE_UNSIGNED, MODEL_READ | MODEL_WRITE },
    { 3442, 130, VALUE_FLOAT, MODEL_READ | MODEL_WRITE },
    { 3442, 140, VALUE_BOOLEAN, MODEL_READ | MODEL_WRITE },
    { 3442, 150, VALUE_OPAQUE, MODEL_READ | MODEL_WRITE },
    { 3442, 160, VALUE_TIME, MODEL_READ | MODEL_WRITE },
    { 3442, 170, VALUE_OBJLNK, MODEL_READ | MODEL_WRITE },
    { 3442, 180, VALUE_CORELNK, MODEL_READ | MODEL_WRITE },
    { 3442, 1110, VALUE_STRING, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1120, VALUE_INTEGER, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1125, VALUE_UNSIGNED, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1130, VALUE_FLOAT, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1140, VALUE_BOOLEAN, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1150, VALUE_OPAQUE, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1160, VALUE_TIME, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1170, VALUE_OBJLNK, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
    { 3442, 1180, VALUE_CORELNK, MODEL_READ | MODEL_WRITE | MODEL_MULTIPLE },
};

static const struct model_initial initial[] = {
    { "/1/0/0", "101" },
    { "/1/0/1", "300" },
    { "/1/0/2", "0" },
    { "/1/0/3", "0" },
    { "/1/0/5", "86400" },
    { "/1/0/6", "1" },
    { "/1/0/7", "U" },
    { "/3/0/0", "Open Mobile Alliance" },
    { "/3/0/1", "Lightweight M2M Client" },
    { "/3/0/2", "345000123" },
    { "/3/0/3", "1.0" },
    { "/3/0/6/0", "1" },
    { "/3/0/6/1", "5" },
    { "/3/0/7/0", "3800" },
    { "/3/0/7/1", "5000" },
    { "/3/0/8/0", "125" },
    { "/3/0/8/1", "900" },
    { "/3/0/9", "100" },
    { "/3/0/10", "15" },
    { "/3/0/11/0", "0" },
    { "/3/0/13", "0" },
    { "/3/0/14", "+01:00" },
    { "/3/0/15", "Europe/Berlin" },
    { "/3/0/16", "U" },
    { "/3/0/17", "simulated device" },
    { "/3/0/18", "1.1" },
    { "/3/0/19", "2.4.1" },
    { "/3/0/20", "0" },
    { "/3/0/21", "64" },
    { "/4/0/0", "0" },
    { "/4/0/1/0", "0" },
    { "/4/0/2", "-92" },
    { "/4/0/3", "2" },
    { "/4/0/4/0", "192.168.0.100" },
    { "/4/0/5/0", "192.168.0.1" },
    { "/4/0/6", "5" },
    { "/4/0/7/0", "internet" },
    { "/4/0/8", "69696969" },
    { "/4/0/9", "1" },
    { "/4/0/10", "262" },
    { "/5/0/0", "" },
    { "/5/0/1", "" },
    { "/5/0/3", "0" },
    { "/5/0/5", "0" },
    { "/5/0/6", "" },
    { "/5/0/7", "" },
    { "/5/0/8/0", "0" },
    { "/5/0/9", "2" },
    { "/6/0/0", "27.986065" },
    { "/6/0/1", "86.922623" },
    { "/6/0/2", "8495" },
    { "/6/0/3", "12.5" },
    { "/6/0/5", "0" },
    { "/6/0/6", "0.25" },
    { "/3303/0/5700", "20" },
    { "/3303/0/5601", "20" },
    { "/3303/0/5602", "20" },
    { "/3303/0/5603", "-40" },
    { "/3303/0/5604", "125" },
    { "/3303/0/5701", "Cel" },
    { "/3303/0/5750", "inside" },
    { "/3442/0/110", "initial value" },
    { "/3442/0/120", "1024" },
    { "/3442/0/125", "18446744073709551615" },
    { "/3442/0/130", "3.14159" },
    { "/3442/0/140", "1" },
    { "/3442/0/150", "ASNFZ4mrze8=" },
    { "/3442/0/160", "946684800" },
    { "/3442/0/170", "3:0" },
    { "/3442/0/180", "</3442>" },
    { "/3442/0/1110/0", "initial value 0" },
    { "/3442/0/1110/3", "second, with \"quotes\" and a line\nbreak" },
    { "/3442/0/1120/0", "-9223372036854775808" },
    { "/3442/0/1120/1", "-129" },
    { "/3442/0/1120/2", "9007199254740993" },
    { "/3442/0/1125/0", "200" },
    { "/3442/0/1125/1", "4294967296" },
    { "/3442/0/1130/0", "-0.1" },
    { "/3442/0/1130/1", "1e+300" },
    { "/3442/0/1140/0", "1" },
    { "/3442/0/1140/1", "0" },
    { "/3442/0/1150/0", "/+8=" },
    { "/3442/0/1150/1", "" },
    { "/3442/0/1160/0", "-1" },
    { "/3442/0/1160/1", "4102444800" },
    { "/3442/0/1170/0", "3:0" },
    { "/3442/0/1170/7", "65535:65535" },
    { "/3442/0/1180/0", "</3/0>;dim=8" },
};

const struct model_resource *model_find(uint16_t object, uint16_t resource)
{
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        if (resources[i].object == object && resources[i].resource == resource) {
            return &resources[i];
        }
    }
    return NULL;
}

const struct model_resource *model_resources(size_t *count)
{
    *count = sizeof resources / sizeof resources[0];
    return resources;
}

enum value_type model_type(const struct path *path)
{
    const struct model_resource *found = model_find(path->id[0], path->id[2]);
    return found == NULL ? VALUE_OPAQUE : found->type;
}

const struct model_initial *model_initial_values(size_t *count)
{
    *count = sizeof initial / sizeof initial[0];
    return initial;
}

bool model_object_is_multiple(uint16_t object)
{
    return object == 3303 || object == 3442;
}
