#include "mqtt/processor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

int mqtt_processor_stay(void)
{
    int here = sched_getcpu();
    if (here < 0) {
        return -errno;
    }
    size_t number = (size_t)here;
    cpu_set_t *only = CPU_ALLOC(number + 1);
    if (only == NULL) {
        return -ENOMEM;
    }
    size_t size = CPU_ALLOC_SIZE(number + 1);
    CPU_ZERO_S(size, only);
    CPU_SET_S(number, size, only);
    int err = pthread_setaffinity_np(pthread_self(), size, only);
    CPU_FREE(only);
    return -err;
}
