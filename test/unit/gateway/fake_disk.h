/*
 * A disk beneath SQLite that fails as each test wants. It stands in front of the real one, so that
 * everything else is as it is.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Atomic: the thread that moves the log of the store is at the disk while a test changes it. */
struct fake_disk {
    atomic_bool full;         /* no file grows, the index of the log finds no room */
    atomic_bool write_fails;  /* with EIO */
    atomic_bool shared_fails; /* the index of the log, with EIO */
    _Atomic uint64_t broken;  /* reading the file with this inode fails with EIO; 0: none */
    _Atomic int64_t broken_from, broken_to; /* where */
    atomic_size_t failed;                   /* accesses that failed */
};

/** What SQLite opens from now on is on this disk; there is one at a time. It must outlive the test
 *  when that fails: static. */
void fake_disk_insert(struct fake_disk *disk);

/** Back to the real one; everything must be closed. */
void fake_disk_remove(void);
