#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/processor.h"

#include <pthread.h>
#include <sched.h>

struct found {
    int err;
    int own;
    int of_another; /* made by the thread that stays */
};

static int processors(void)
{
    cpu_set_t set;
    return pthread_getaffinity_np(pthread_self(), sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
}

static void *look(void *found)
{
    ((struct found *)found)->of_another = processors();
    return NULL;
}

static void *stay(void *arg)
{
    struct found *found = arg;
    pthread_t another;
    found->err = mqtt_processor_stay();
    found->own = processors();
    if (pthread_create(&another, NULL, look, found) == 0) {
        (void)pthread_join(another, NULL);
    }
    return NULL;
}

static void a_thread_and_those_that_it_makes_stay_and_others_do_not(void **state)
{
    pthread_t thread;
    struct found found = { .err = -1 };
    int before = processors();
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, stay, &found), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(found.err, 0);
    assert_int_equal(found.own, 1);
    assert_int_equal(found.of_another, 1);
    assert_int_equal(processors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_and_those_that_it_makes_stay_and_others_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
