/*
 * The flight recorder of the runtime: which plugins and instances run in its own process, which threads are inside of
 * their code, and, after a crash, what it died of. Names and crash record are in a file of the data folder that the next
 * start reads. The lines of the threads are in memory of this process alone: a store to a page of a file may wait
 * while the kernel writes that page back, and the handler of the crash is here to read them.
 */
#ifndef OCTAVO_RECORDER_H
#define OCTAVO_RECORDER_H

#include <octavo_black_box.h>

#include "octavo_busy.h"
#include "octavo_instances.h"

OCTAVO_BEGIN

#define OCTAVO_RECORDER_MAGIC 0x5244524345524f31ull
#define OCTAVO_RECORDER_VERSION 1u
/* More are not named. */
#define OCTAVO_RECORDER_PLUGINS 256u
#define OCTAVO_RECORDER_INSTANCES 1024u
/* `instance` of a thread that loads or unloads a plugin: this and the plugin's number. */
#define OCTAVO_RECORDER_OF_PLUGIN 0x80000000u

/* A generation of a plugin; text ends with NUL, and is cut to size. */
typedef struct octavo_recorded_plugin {
    uint32_t generation; /* 0: the entry is nobody's; atomic */
    uint32_t reserved;
    char id[72];
    char version[48];
    char build[80]; /* build id, "" = none */
    char path[240]; /* of the copy that is mapped */
} octavo_recorded_plugin;

typedef struct octavo_recorded_instance {
    uint32_t plugin; /* its number; 0: the entry is nobody's; atomic */
    int32_t kind;    /* OCTAVO_KIND_* */
    char component[120];
} octavo_recorded_instance;

/* The file: this, the plugins, the instances. Number n is entry n - 1. */
typedef struct octavo_recorder {
    uint64_t magic;
    uint64_t size;      /* of the file */
    uint32_t version;
    int32_t pid;
    int64_t started_ns; /* since 1970 */
    char boot[40];      /* id of the boot */
    char runtime[48];   /* version of the runtime */
    octavo_black_box box;
} octavo_recorder;

#define OCTAVO_RECORDER_SIZE \
    (sizeof(octavo_recorder) + OCTAVO_RECORDER_PLUGINS * sizeof(octavo_recorded_plugin) + \
     OCTAVO_RECORDER_INSTANCES * sizeof(octavo_recorded_instance))

/*
 * Makes the file (which must not exist) and installs the handlers of octavo_fault.h; an end of the process by exit()
 * removes it again with its folder. 0 or an errno: then, and without a path, all is kept in memory and there are no handlers. Once a
 * process, before the first instance.
 */
int octavo_recorder_open(const char *OCTAVO_NULLABLE path, const char *runtime);
/* The one of this process; NULL before it is open. */
const octavo_recorder *OCTAVO_NULLABLE octavo_recorder_own(void);

/* Names a generation that is about to be loaded: its number, 0: not named. [any] */
uint32_t octavo_recorder_add_plugin(const char *id, const char *version, const char *build, const char *path, uint32_t generation);
/* It is no longer mapped. [any] */
void octavo_recorder_remove_plugin(uint32_t number);
/* Names an instance of it: a number for octavo_instance_set_number, 0: not named. [any] */
uint32_t octavo_recorder_add_instance(uint32_t plugin, int32_t kind, const char *component);
void octavo_recorder_remove_instance(uint32_t number);

/* Has the threads of instances write into its lines. */
void octavo_recorder_take_threads(octavo_instance_events *events);
/* The calling thread, an event loop, calls inline instances from now on. */
void octavo_recorder_loop_began(void);
/* The calling thread runs code of the plugin that is of no instance: loads, starts, stops or unloads it. */
void octavo_recorder_enter_plugin(uint32_t number);
void octavo_recorder_leave_plugin(void);

/* A thread that has been inside of a plugin for too long. */
typedef struct octavo_stall {
    uint32_t line;     /* tells it from others at the same time */
    uint32_t instance;
    uint32_t op;       /* of the call, UINT32_MAX = none */
    uint32_t kind;     /* OCTAVO_BUSY_* of the thread */
    int64_t inside_ns;
} octavo_stall;
/* Looks at all threads and tells of each that stalls, once, and once more when it has come out (`is_over`). For one
   thread, ten times a second. */
void octavo_recorder_look(void *OCTAVO_NULLABLE context,
                          void (*tell)(void *OCTAVO_NULLABLE context, const octavo_stall *stall, int32_t is_over));

/* Why the bytes of a file can't be used. */
#define OCTAVO_RECORDER_GOOD 0
#define OCTAVO_RECORDER_SHORT 1   /* not of the length that it must have and says it has */
#define OCTAVO_RECORDER_FOREIGN 2 /* another magic */
#define OCTAVO_RECORDER_OTHER 3   /* of another version of the runtime */
#define OCTAVO_RECORDER_COUNT 4   /* a count or a number is beyond what there may be */
#define OCTAVO_RECORDER_TEXT 5    /* a text does not end, or has characters that can't be shown */
/* Checks a private copy, 8-aligned, of a file. */
int octavo_recorder_check(const void *copy, uint64_t size);
/* The entry of a checked copy, or of the own recorder; NULL: nobody's. */
const octavo_recorded_plugin *OCTAVO_NULLABLE octavo_recorder_plugin(const octavo_recorder *recorder, uint32_t number);
const octavo_recorded_instance *OCTAVO_NULLABLE octavo_recorder_instance(const octavo_recorder *recorder, uint32_t number);

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_recorded_plugin, 448);
OCTAVO_ASSERT_SIZE(octavo_recorded_instance, 128);

#endif
