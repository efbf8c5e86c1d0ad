/*
 * The runtime's side of plugins that run in a helper process. To the rest of the runtime an isolated
 * plugin is an inline plugin whose operations put the request into a ring: it has a descriptor, types
 * and instances like any other. Its processes come and go under it.
 */
#ifndef OCTAVO_ISOLATION_H
#define OCTAVO_ISOLATION_H

#include <octavo/octavo.h>
#include <octavo_black_box.h>
#include <octavo_channel.h>

OCTAVO_BEGIN

/* A plugin generation that runs isolated, or several plugins that share a process: its members. */
typedef struct octavo_isolated octavo_isolated;
/* One of its processes. Counted: see octavo_helper_release. */
typedef struct octavo_helper octavo_helper;

/* What a process may have. All 0 is what a helper always gets. */
typedef struct octavo_limits {
    uint64_t memory;       /* bytes of its own, shared ones not counted; 0 = no limit */
    uint64_t cpu_seconds;  /* processor time of one process's life; 0 = no limit */
    uint32_t descriptors;  /* open at a time; 0 = OCTAVO_DESCRIPTORS */
    int32_t processes;     /* of the operating system's user, threads counted; 0 = no limit, -1 = none may be made */
    int32_t seccomp;       /* OCTAVO_SECCOMP_* */
    int32_t no_network;    /* sockets of this machine alone */
    int32_t may_hang;      /* no time limits for its threads: for a debugger */
    uint32_t environment_count;
    /* Names of variables that it inherits; all others it does not see. */
    const char *OCTAVO_NULLABLE const *OCTAVO_NULLABLE environment;
    /* Folder of a cgroup2 file system in which each process gets a group of its own; NULL = none. */
    const char *OCTAVO_NULLABLE cgroup;
    uint32_t cgroup_controllers; /* OCTAVO_CGROUP_* that groups in there have */
    uint32_t millicpus;          /* thousandths of a processor, in its group alone; 0 = no limit */
} octavo_limits;

#define OCTAVO_CGROUP_MEMORY 1
#define OCTAVO_CGROUP_CPU 2
#define OCTAVO_CGROUP_PIDS 4
#define OCTAVO_CGROUP_PLACED 8 /* it has a group, with or without limits */

#define OCTAVO_DESCRIPTORS 1024u
#define OCTAVO_SECCOMP_NONE 0
#define OCTAVO_SECCOMP_STANDARD 1 /* no tracing, programs, mounts, modules, namespaces, keys */
#define OCTAVO_SECCOMP_STRICT 2   /* … nor processes, sockets, writing of files */

/* What a process has, at the last look. */
typedef struct octavo_usage {
    uint64_t memory;      /* bytes of its own */
    uint32_t descriptors; /* open ones */
    uint32_t threads;
} octavo_usage;

#define OCTAVO_LOG_LINES 64u
#define OCTAVO_LOG_LINE 200u

/* A line that a process has logged, cut to size. */
typedef struct octavo_log_entry {
    int32_t level;
    char text[OCTAVO_LOG_LINE];
} octavo_log_entry;

/* How a process ended. */
typedef struct octavo_helper_end {
    int32_t signal;    /* that ended it, 0 = none */
    int32_t code;      /* its exit code, when there was no signal */
    int32_t was_asked; /* the runtime had told it to end */
    int32_t reserved;
    octavo_usage usage; /* a tenth of a second before, or less */
    int64_t cpu_ns;     /* processor time of its life */
    char component[128]; /* of the call that it died of; "" = not known */
    char plugin[80];     /* … and the plugin whose it was */
    uint32_t op;         /* … and its operation, of kind `kind`; 0 = not known */
    int32_t kind;
    uint64_t request_bytes;
    uint32_t log_count;
    uint32_t reserved_too;
    const octavo_log_entry *OCTAVO_NULLABLE log; /* its last lines, the oldest first; NULL when there are none */
    octavo_call culprit;  /* the call that it died of, 0 = not known */
    const char *reason;   /* why the runtime ended it by force ("protocol violation: …"), "" = it did not */
    const octavo_black_box *OCTAVO_NULLABLE box; /* a private copy of the crash record, if it is whole */
} octavo_helper_end;

/* All on threads of the isolation's own, but for `turn`. */
typedef struct octavo_isolated_events {
    /* A process has ended and nothing more comes from it. The helper is valid until the callback returns
       unless it is retained. */
    void (*ended)(void *context, octavo_helper *helper, const octavo_helper_end *end);
    /* A request was put down on loop `loop`: octavo_isolated_flush is to be called at the end of its turn.
       On that loop. */
    void (*turn)(void *context, uint32_t loop);
} octavo_isolated_events;

/*
 * `host`: path of octavo-plugin-host. `path`: the plugin's file, member 0. `loops`: number of event loops. NULL
 * without memory. `limits` are copied. Never freed while an instance of it exists.
 */
octavo_isolated *OCTAVO_NULLABLE octavo_isolated_new(const char *host, const char *path, uint32_t loops, const octavo_limits *limits,
                                                     const octavo_isolated_events *events, void *context);
/* No instance and no process of it is left. */
void octavo_isolated_free(octavo_isolated *isolated);

/*
 * Starts a process and waits until it has loaded the plugin and said what it offers. NULL: `cause` (of
 * `room` bytes) says why, and the process has ended, if there was one; `was_told`: `ended` was called for it, as it is for
 * every process that could have served. The caller owns a reference. Blocks.
 */
octavo_helper *OCTAVO_NULLABLE octavo_helper_start(octavo_isolated *isolated, int64_t timeout_ns, int32_t mark, int32_t *was_told,
                                                   char *cause, uint64_t room);
/* What the caller of octavo_helper_start calls it by: its end may be told before the start has returned. */
int32_t octavo_helper_mark(const octavo_helper *helper);
void octavo_helper_set_mark(octavo_helper *helper, int32_t mark);
void octavo_helper_retain(octavo_helper *helper);
void octavo_helper_release(octavo_helper *helper);
int32_t octavo_helper_pid(const octavo_helper *helper);
int32_t octavo_helper_is_alive(octavo_helper *helper);
octavo_usage octavo_helper_usage(octavo_helper *helper);
/* Which of its limits its control group keeps: OCTAVO_CGROUP_*; `cause`: why not others, "" when nothing failed. Constant
   once it is started. */
int32_t octavo_helper_cgroup(const octavo_helper *helper, char *cause, uint64_t room);
/* Whether the path is a folder of a cgroup2 file system. */
int32_t octavo_cgroup_is_folder(const char *path);
/* The number after `name` in a file of lines `name number`, as memory.events is; -1 when there is none or it is no number. */
int64_t octavo_cgroup_event(const char *text, uint64_t size, const char *name);
/* The descriptor that loop `loop` is woken by; stays the helper's. */
int octavo_helper_doorbell(const octavo_helper *helper, uint32_t loop);
/* Makes it the process that life functions go to, and creates and starts again the instances that were
   there before it. 0, or `cause` says what failed. Blocks. */
int octavo_helper_adopt(octavo_helper *helper, int64_t timeout_ns, char *cause, uint64_t room);
/* Ends it at once. `reason` is told in its end; "": there is nothing to tell. Any thread. */
void octavo_helper_kill(octavo_helper *helper, const char *reason);
/* Asks it to end by itself: no call of it is open. */
void octavo_helper_quit(octavo_helper *helper);
/* Lines below `level` (OCTAVO_LOG_*) need not be sent. */
void octavo_helper_log_level(octavo_helper *helper, int32_t level);

/* What a member offers, which the first process that has it has said. Constant until it is removed. */
const octavo_plugin *octavo_isolated_descriptor(const octavo_isolated *isolated, uint32_t member);
/*
 * Loads another plugin into the present process and every later one. Its number, or -1 and `cause` says
 * why; when the process dies of it, the next one does not have it. One caller at a time. Blocks.
 */
int32_t octavo_isolated_add(octavo_isolated *isolated, const char *path, int64_t timeout_ns, char *cause, uint64_t room);
/* Takes a member out; no instance of it is left. `unmap`: its code may go. One caller at a time. Blocks. */
void octavo_isolated_remove(octavo_isolated *isolated, uint32_t member, int32_t unmap);
/* Members that there are. */
uint32_t octavo_isolated_members(octavo_isolated *isolated);

#define OCTAVO_QUARANTINE_MAX 1024u

/* A kind of request that has killed the plugin's process again and again. */
typedef struct octavo_quarantined {
    uint64_t fingerprint;
    int64_t until_ns;   /* of CLOCK_MONOTONIC: refused until then; 0 = it has strikes and is not refused */
    int64_t pause_ns;   /* how long that is, or was */
    int64_t struck_ns;
    uint32_t halves;    /* of strikes */
    uint32_t deaths;    /* that it had a part in */
    int32_t kind;
    uint32_t op;
    char component[128];
} octavo_quarantined;

/* Those that are refused now; how many were written to `out`. Any thread. */
uint32_t octavo_isolated_quarantine(octavo_isolated *isolated, octavo_quarantined *out, uint32_t room);
/* Forgets one, or all of them (0); how many were known to be refused. Any thread. */
uint32_t octavo_isolated_release(octavo_isolated *isolated, uint64_t fingerprint);

/* What follows: on event loop `loop` alone, whose calls are those of call table `table`. */

/* Calls go to this process from now on, those that waited for it first. Keeps a reference. 0, or -1: there is
   another one still, it has died meanwhile, or there is no memory. */
int octavo_isolated_attach(octavo_isolated *isolated, uint32_t loop, uint32_t table, octavo_helper *helper);
/* How far a dead process's word is to be taken that it has not begun a call. */
#define OCTAVO_TRUST_WHOLE 0
#define OCTAVO_TRUST_MARGIN 1 /* a memory fault may have spoilt its count by a little */
#define OCTAVO_TRUST_NONE 2   /* it has lied: every call may have been begun */

/*
 * The process has ended: what it had answered is delivered; what it had not begun, and reads that may be
 * repeated, wait for the next one; the rest fails. `trust`: OCTAVO_TRUST_*. `culprit`: the call that it died
 * of, 0 = not known; then, if `blames`, each that it had begun may be it.
 */
void octavo_isolated_detach(octavo_isolated *isolated, uint32_t loop, octavo_helper *helper, int trust, octavo_call culprit,
                            int blames);
/* There is no process and none is to be expected soon: calls that wait fail, and so do new ones until the
   next attach. `keeps_dying`: it is not tried again at once. */
void octavo_isolated_refuse(octavo_isolated *isolated, uint32_t loop, int keeps_dying);
/* Makes what was put down visible to the helper, and takes what it has answered. */
void octavo_isolated_flush(octavo_isolated *isolated, uint32_t loop);
/* The doorbell has rung: takes what was answered. */
void octavo_isolated_drain(octavo_isolated *isolated, uint32_t loop);
/* Calls that the process has and has not answered, and that wait for one. */
uint32_t octavo_isolated_in_flight(const octavo_isolated *isolated, uint32_t loop);

OCTAVO_END

#endif
