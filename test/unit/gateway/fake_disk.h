/*
 * A disk beneath SQLite that fails as each test wants. It stands in front of the real one, so that
 * everything else is as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_disk {
    bool full;                      /* no file grows, and the index of the log finds no room */
    bool write_fails;               /* with EIO */
    bool shared_fails;              /* the index of the log, with EIO */
    uint64_t broken;                /* reading the file with this inode fails with EIO; 0: none */
    int64_t broken_from, broken_to; /* where */
    size_t failed;                  /* accesses that failed */
};

/** What SQLite opens from now on is on this disk; there is one at a time. It must outlive the test
 *  when that fails: static. */
void fake_disk_insert(struct fake_disk *disk);

/** Back to the real one; everything must be closed. */
void fake_disk_remove(void);
