#include "fake_disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <sqlite3.h>

static struct fake_disk *inserted;
static sqlite3_vfs *real;
static sqlite3_vfs fake;
static _Thread_local int last_errno; /* as errno is */

struct file {
    sqlite3_file base;
    uint64_t inode;
    sqlite3_file *below; /* behind this */
};

static sqlite3_file *below(sqlite3_file *file)
{
    return ((struct file *)file)->below;
}

static int fail_with(int err, int code)
{
    last_errno = err;
    inserted->failed++;
    return code;
}

static int real_close(sqlite3_file *file)
{
    return below(file)->pMethods->xClose(below(file));
}

static int read_bytes(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    bool is_broken = inserted->broken != 0 && ((struct file *)file)->inode == inserted->broken &&
                     at < inserted->broken_to && at + len > inserted->broken_from;
    return is_broken ? fail_with(EIO, SQLITE_IOERR_READ)
                     : below(file)->pMethods->xRead(below(file), bytes, len, at);
}

static int write_bytes(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    sqlite3_int64 size = 0;
    if (inserted->write_fails) {
        return fail_with(EIO, SQLITE_IOERR_WRITE);
    }
    (void)below(file)->pMethods->xFileSize(below(file), &size);
    return inserted->full && at + len > size
               ? fail_with(ENOSPC, SQLITE_FULL)
               : below(file)->pMethods->xWrite(below(file), bytes, len, at);
}

static int truncate_to(sqlite3_file *file, sqlite3_int64 size)
{
    return below(file)->pMethods->xTruncate(below(file), size);
}

static int sync_file(sqlite3_file *file, int flags)
{
    return below(file)->pMethods->xSync(below(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return below(file)->pMethods->xFileSize(below(file), size);
}

static int lock(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xLock(below(file), level);
}

static int unlock(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xUnlock(below(file), level);
}

static int check_lock(sqlite3_file *file, int *result)
{
    return below(file)->pMethods->xCheckReservedLock(below(file), result);
}

static int control(sqlite3_file *file, int what, void *arg)
{
    if (what == SQLITE_FCNTL_SIZE_HINT && inserted->full) {
        return fail_with(ENOSPC, SQLITE_FULL);
    }
    return below(file)->pMethods->xFileControl(below(file), what, arg);
}

static int sector_size(sqlite3_file *file)
{
    return below(file)->pMethods->xSectorSize(below(file));
}

static int characteristics(sqlite3_file *file)
{
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static int map_shared(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
    if (inserted->shared_fails) {
        return fail_with(EIO, SQLITE_IOERR_SHMMAP);
    }
    if (inserted->full && extend) {
        return fail_with(ENOSPC, SQLITE_IOERR_SHMSIZE);
    }
    return below(file)->pMethods->xShmMap(below(file), region, size, extend, memory);
}

static int lock_shared(sqlite3_file *file, int offset, int n, int flags)
{
    return below(file)->pMethods->xShmLock(below(file), offset, n, flags);
}

static void barrier_shared(sqlite3_file *file)
{
    below(file)->pMethods->xShmBarrier(below(file));
}

static int unmap_shared(sqlite3_file *file, int delete)
{
    return below(file)->pMethods->xShmUnmap(below(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = real_close,
    .xRead = read_bytes,
    .xWrite = write_bytes,
    .xTruncate = truncate_to,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_lock,
    .xFileControl = control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = barrier_shared,
    .xShmUnmap = unmap_shared,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    struct file *opened = (struct file *)file;
    (void)vfs;
    struct stat status;
    *opened = (struct file){ .below = (sqlite3_file *)(opened + 1) };
    int code = real->xOpen(real, name, opened->below, flags, out_flags);
    if (name != NULL && stat(name, &status) == 0) {
        opened->inode = status.st_ino;
    }
    if (opened->below->pMethods != NULL) {
        opened->base.pMethods = &methods;
    }
    return code;
}

static int get_last_error(sqlite3_vfs *vfs, int len, char *text)
{
    (void)vfs, (void)len, (void)text;
    return last_errno;
}

void fake_disk_insert(struct fake_disk *disk)
{
    bool is_there = inserted != NULL; /* a test that failed left it */
    inserted = disk;
    if (is_there) {
        return;
    }
    real = sqlite3_vfs_find(NULL);
    fake = *real;
    fake.zName = "fake-disk";
    fake.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    fake.xOpen = open_file;
    fake.xGetLastError = get_last_error;
    assert_int_equal(sqlite3_vfs_register(&fake, 1), SQLITE_OK);
}

void fake_disk_remove(void)
{
    assert_int_equal(sqlite3_vfs_unregister(&fake), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(real, 1), SQLITE_OK);
    inserted = NULL;
}
