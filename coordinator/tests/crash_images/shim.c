/* Records what a process does to the files below $HONE_RECORD_DIR into $HONE_RECORD_LOG.
 *
 * Preloaded into the writer. Each call runs and is recorded under one lock, so that the log has the
 * order in which the calls took effect. sync_file_range is not recorded: it promises nothing.
 *
 * $HONE_FAIL_SYNC and $HONE_FAIL_WRITE let every fdatasync or positioned write after so many fail.
 *
 * A record: kind u8, value u64, three lengths u32, then path, second path and data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static int log_fd = -1;
static long syncs_left = -1, writes_left = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long limit(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

/* Counts a call down; whether it must fail. The lock is held. */
static int fails(long *left) {
    if (*left > 0) --*left;
    if (*left == 0) errno = EIO;
    return *left == 0;
}

__attribute__((constructor)) static void start(void) {
    syncs_left = limit("HONE_FAIL_SYNC");
    writes_left = limit("HONE_FAIL_WRITE");
    const char *path = getenv("HONE_RECORD_LOG");
    root = getenv("HONE_RECORD_DIR");
    if (root && path)
        log_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
    return log_fd >= 0 && path && strncmp(path, root, strlen(root)) == 0;
}

/* The path of an open file; 0 when it is not ours. */
static int path_of(int fd, char *out, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, size - 1);
    out[length < 0 ? 0 : length] = 0;
    return length > 0 && ours(out);
}

static void put(const void *bytes, size_t length) {
    while (length > 0) {
        long wrote = syscall(SYS_write, log_fd, bytes, length);
        if (wrote <= 0) abort();
        bytes = (const char *)bytes + wrote;
        length -= wrote;
    }
}

static void record(char kind, uint64_t value, const char *path, const char *second, const void *data, uint32_t size) {
    uint32_t lengths[3] = {strlen(path), second ? strlen(second) : 0, size};
    put(&kind, 1);
    put(&value, sizeof value);
    put(lengths, sizeof lengths);
    put(path, lengths[0]);
    put(second, lengths[1]);
    put(data, size);
}

/* Absolute path of `name` as seen from the folder `dir`. */
static void resolve(int dir, const char *name, char *out, size_t size) {
    char base[4096] = "";
    if (name[0] != '/') {
        if (dir == AT_FDCWD) { if (!getcwd(base, sizeof base)) base[0] = 0; }
        else path_of(dir, base, sizeof base);
    }
    snprintf(out, size, "%s%s%s", base, base[0] ? "/" : "", name);
}

#define LOCKED(call) pthread_mutex_lock(&lock); __typeof__(call) result = (call)
#define DONE pthread_mutex_unlock(&lock); return result

static int open_at(int dir, const char *name, int flags, mode_t mode) {
    char path[8192];
    resolve(dir, name, path, sizeof path);
    struct stat before;
    int watched = ours(path) && (flags & (O_CREAT | O_TRUNC));
    int existed = watched && fstatat(dir, name, &before, 0) == 0;
    LOCKED((int)syscall(SYS_openat, dir, name, flags, mode));
    if (watched && result >= 0 && !existed) record('c', 0, path, NULL, NULL, 0);
    if (watched && result >= 0 && existed && (flags & O_TRUNC)) record('t', 0, path, NULL, NULL, 0);
    DONE;
}

#define OPEN_BODY(dir) mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, int); va_end(list); } \
    return open_at(dir, name, flags, mode)
int open(const char *name, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int open64(const char *name, int flags, ...) { OPEN_BODY(AT_FDCWD); }
int openat(int dir, const char *name, int flags, ...) { OPEN_BODY(dir); }
int openat64(int dir, const char *name, int flags, ...) { OPEN_BODY(dir); }

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset, int positioned) {
    char path[4096];
    if (log_fd < 0 || !path_of(fd, path, sizeof path))
        return positioned ? syscall(SYS_pwrite64, fd, data, size, offset) : syscall(SYS_write, fd, data, size);
    pthread_mutex_lock(&lock);
    if (!positioned) offset = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t result = -1;
    if (!positioned) result = syscall(SYS_write, fd, data, size);
    else if (!fails(&writes_left)) result = syscall(SYS_pwrite64, fd, data, size, offset);
    if (result > 0) record('w', offset, path, NULL, data, result);
    DONE;
}
ssize_t write(int fd, const void *data, size_t size) { return write_at(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return write_at(fd, data, size, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return write_at(fd, data, size, offset, 1); }

static int synced(int fd, long number) {
    char path[4096];
    pthread_mutex_lock(&lock);
    int failing = number == SYS_fdatasync && path_of(fd, path, sizeof path) && fails(&syncs_left);
    int result = failing ? -1 : (int)syscall(number, fd);
    if (result == 0 && path_of(fd, path, sizeof path)) record('s', 0, path, NULL, NULL, 0);
    DONE;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int truncated(int fd, off_t size) {
    char path[4096];
    LOCKED((int)syscall(SYS_ftruncate, fd, size));
    if (result == 0 && path_of(fd, path, sizeof path)) record('t', size, path, NULL, NULL, 0);
    DONE;
}
int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    char one[8192], two[8192];
    resolve(from_dir, from, one, sizeof one);
    resolve(to_dir, to, two, sizeof two);
    LOCKED(REAL(renameat)(from_dir, from, to_dir, to));
    if (result == 0 && (ours(one) || ours(two))) record('r', 0, one, two, NULL, 0);
    DONE;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int dir, const char *name, int flags) {
    char path[8192];
    resolve(dir, name, path, sizeof path);
    LOCKED((int)syscall(SYS_unlinkat, dir, name, flags));
    if (result == 0 && ours(path)) record('u', 0, path, NULL, NULL, 0);
    DONE;
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdir(const char *name, mode_t mode) {
    char path[8192];
    resolve(AT_FDCWD, name, path, sizeof path);
    LOCKED((int)syscall(SYS_mkdirat, AT_FDCWD, name, mode));
    if (result == 0 && ours(path)) record('m', 0, path, NULL, NULL, 0);
    DONE;
}
