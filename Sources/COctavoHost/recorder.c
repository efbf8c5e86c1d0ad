/* The flight recorder while the process lives. Its entries are written under a lock, and each is published last. */
#define _GNU_SOURCE
#include "octavo_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "instance.h"
#include "octavo_fault.h"
#include "recorder.h"

static octavo_recorder *recorder;
static octavo_busy_table *lines;
static octavo_watched watched[OCTAVO_BUSY_LINES]; /* of the one who looks */
static char file[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* … and the folder, which holds nothing else. */
static void remove_file(void) {
    char *end = strrchr(file, '/');
    unlink(file);
    if (!end) return;
    *end = 0;
    rmdir(file);
}

static void put(char *to, size_t room, const char *text) { snprintf(to, room, "%s", text); }

static void note_boot(char *to, size_t room) {
    int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = descriptor < 0 ? -1 : read(descriptor, to, room - 1);
    if (descriptor >= 0) close(descriptor);
    to[got > 0 ? got : 0] = 0;
    to[strcspn(to, "\n")] = 0;
}

/* With room of its own on the disk: a page that finds none when it is written to would be a fault. */
static int map_file(const char *path, void **memory) {
    int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), failed;
    if (descriptor < 0) return errno;
    failed = posix_fallocate(descriptor, 0, (off_t)OCTAVO_RECORDER_SIZE);
    if (!failed) {
        *memory = mmap(NULL, OCTAVO_RECORDER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (*memory == MAP_FAILED) failed = errno;
    }
    close(descriptor);
    if (failed) unlink(path);
    return failed;
}

int octavo_recorder_open(const char *path, const char *runtime) {
    struct timespec now;
    void *memory = MAP_FAILED;
    int failed = path ? strlen(path) < sizeof file ? map_file(path, &memory) : ENAMETOOLONG : 0, has_file = path && !failed;
    if (recorder) return EALREADY;
    if (!has_file) memory = mmap(NULL, OCTAVO_RECORDER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lines = mmap(NULL, sizeof *lines, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lines == MAP_FAILED) lines = NULL;
    if (memory == MAP_FAILED) return ENOMEM;
    recorder = memory;
    clock_gettime(CLOCK_REALTIME, &now);
    recorder->size = OCTAVO_RECORDER_SIZE;
    recorder->version = OCTAVO_RECORDER_VERSION;
    recorder->pid = getpid();
    recorder->started_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    note_boot(recorder->boot, sizeof recorder->boot);
    put(recorder->runtime, sizeof recorder->runtime, runtime);
    __atomic_store_n(&recorder->magic, OCTAVO_RECORDER_MAGIC, __ATOMIC_RELEASE);
    if (!has_file) return failed;
    put(file, sizeof file, path);
    octavo_fault_open(&recorder->box, OCTAVO_FAULT_RAISE, remove_file);
    octavo_fault_modules();
    return 0;
}

const octavo_recorder *octavo_recorder_own(void) { return recorder; }

/* MARK: Names */

uint32_t octavo_recorder_add_plugin(const char *id, const char *version, const char *build, const char *path, uint32_t generation) {
    uint32_t i;
    if (!recorder) return 0;
    pthread_mutex_lock(&lock);
    for (i = 0; i < OCTAVO_RECORDER_PLUGINS && recorded_plugins(recorder)[i].generation; i++) {}
    if (i < OCTAVO_RECORDER_PLUGINS) {
        octavo_recorded_plugin *it = &recorded_plugins(recorder)[i];
        put(it->id, sizeof it->id, id);
        put(it->version, sizeof it->version, version);
        put(it->build, sizeof it->build, build);
        put(it->path, sizeof it->path, path);
        __atomic_store_n(&it->generation, generation ? generation : 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return i < OCTAVO_RECORDER_PLUGINS ? i + 1 : 0;
}

void octavo_recorder_remove_plugin(uint32_t number) {
    if (!recorder || !number || number > OCTAVO_RECORDER_PLUGINS) return;
    __atomic_store_n(&recorded_plugins(recorder)[number - 1].generation, 0, __ATOMIC_RELEASE);
    octavo_fault_modules();
}

uint32_t octavo_recorder_add_instance(uint32_t plugin, int32_t kind, const char *component) {
    uint32_t i;
    if (!recorder || !plugin) return 0;
    pthread_mutex_lock(&lock);
    for (i = 0; i < OCTAVO_RECORDER_INSTANCES && recorded_instances(recorder)[i].plugin; i++) {}
    if (i < OCTAVO_RECORDER_INSTANCES) {
        octavo_recorded_instance *it = &recorded_instances(recorder)[i];
        it->kind = kind;
        put(it->component, sizeof it->component, component);
        __atomic_store_n(&it->plugin, plugin, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return i < OCTAVO_RECORDER_INSTANCES ? i + 1 : 0;
}

void octavo_recorder_remove_instance(uint32_t number) {
    if (!recorder || !number || number > OCTAVO_RECORDER_INSTANCES) return;
    __atomic_store_n(&recorded_instances(recorder)[number - 1].plugin, 0, __ATOMIC_RELEASE);
}

/* MARK: Threads */

static octavo_busy *thread_began(octavo_busy line) {
    if (!recorder) return NULL;
    octavo_fault_stack();
    return octavo_busy_take(lines, line);
}

static void thread_ended(octavo_busy *line) {
    if (line) octavo_busy_give_back(line);
    if (recorder) octavo_fault_stack_ended();
}

void octavo_recorder_take_threads(octavo_instance_events *events) {
    events->thread_began = thread_began;
    events->thread_ended = thread_ended;
}

void octavo_recorder_loop_began(void) {
    octavo_thread_set_line(thread_began((octavo_busy){.kind = OCTAVO_BUSY_INLINE}));
}

void octavo_recorder_enter_plugin(uint32_t number) {
    octavo_busy *line;
    /* Without a thread of its own it runs on another's. */
    if (octavo_line) return;
    line = thread_began((octavo_busy){.kind = OCTAVO_BUSY_CONTROL});
    octavo_thread_set_line(line);
    if (!line) return;
    line->call = 0;
    line->op = UINT32_MAX;
    line->instance = OCTAVO_RECORDER_OF_PLUGIN | number;
    __atomic_store_n(&line->turn, line->turn + 1, __ATOMIC_RELEASE);
}

void octavo_recorder_leave_plugin(void) {
    octavo_busy *line = octavo_line;
    if (!line || !(line->instance & OCTAVO_RECORDER_OF_PLUGIN)) return;
    octavo_leave();
    octavo_thread_set_line(NULL);
    thread_ended(line);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void octavo_recorder_look(void *context, void (*tell)(void *context, const octavo_stall *stall, int32_t is_over)) {
    uint32_t i, used = lines ? __atomic_load_n(&lines->used, __ATOMIC_ACQUIRE) : 0;
    int64_t now = now_ns();
    for (i = 0; i < used; i++) {
        octavo_busy line = octavo_busy_look(&lines->lines[i]);
        octavo_watched before = watched[i];
        int is_over = octavo_busy_is_over(&line, &watched[i], now);
        octavo_stall stall = {i, line.instance, line.op, line.kind, now - before.since};
        if (is_over && !before.is_stuck) {
            watched[i].is_stuck = 1;
            watched[i].instance = line.instance;
            tell(context, &stall, 0);
        } else if (before.is_stuck && !watched[i].is_stuck) {
            stall.instance = before.instance;
            tell(context, &stall, 1);
        }
    }
}
