/* Shared by the files of the isolation. */
#ifndef OCTAVO_ISOLATED_H
#define OCTAVO_ISOLATED_H

#include <octavo/octavo.h>
#include <octavo_busy.h>
#include <octavo_calls.h>
#include <octavo_control.h>
#include <octavo_instances.h>
#include <octavo_isolation.h>
#include <octavo_ring.h>
#include <pthread.h>
#include <semaphore.h>

#define MAX_INSTANCES 4096u
/* Slots of one event loop's call table. */
#define MAX_CALLS 16384u
/* A request that is no longer has a place of its own in the area, by the slot of its call. */
#define SMALL_FRAME 512u
/* Of each channel's frame areas; committed when touched. */
#define AREA (64ull << 20)
/* Calls that wait for a process. */
#define MAX_WAITING 4096u
/* Replies up to here are copied whole before they are looked at. */
#define COPY_BELOW 16384u
#define LARGE_CLASSES 16u

/* An instance, as the runtime's components have it. */
typedef struct proxy {
    octavo_isolated *isolated;
    octavo_instance *raw;
    uint32_t id;
    const struct proxy_type *type;
    uint64_t name; /* of its component, hashed */
    int created, started; /* in the present process, or in the one before */
    octavo_config *config; /* of its own, one piece */
    uint32_t config_size;
    octavo_handoff handoff; /* what get_extension has given */
} proxy;

/* A request to a helper that waits for its answer. */
typedef struct question {
    struct question *next;
    uint64_t token;
    octavo_call call;      /* to be completed by the answer; 0: somebody waits for `done` */
    sem_t done;
    octavo_message answer;
    void *body;
    int lost;              /* the helper has ended */
    int takes_pieces, has_piece; /* an answer in parts; under the helper's lock */
} question;

/* What the runtime remembers of a channel. */
typedef struct octavo_head_seen {
    int64_t since;
    uint32_t head;
} octavo_head_seen;

/* The thread that does not come out of the plugin. */
typedef struct octavo_hang {
    octavo_call call;
    uint32_t thread, instance, op;
} octavo_hang;

struct octavo_helper {
    octavo_isolated *isolated; /* valid until its end was told */
    uint32_t loops;
    int references; /* atomic */
    int32_t mark;   /* atomic */
    uint32_t first;  /* the member that it is born with */
    uint64_t loaded[OCTAVO_PLUGINS_MAX]; /* serials of the members at their places; under the isolated plugin's lock */
    char *path;      /* of the first one */
    char *cgroup;    /* its group's folder; NULL: none. This and the next two: constant once it is started */
    uint32_t cgroup_limits;
    char cgroup_cause[160];
    int pid, pidfd, control, doorbell;
    int doorbells[OCTAVO_CHANNELS_MAX];
    void *h, *p;
    octavo_black_box *box;
    pthread_mutex_t lock; /* of what follows, and of sending */
    question *questions;
    uint64_t next_token;
    int has_ended, was_asked;
    char reason[128]; /* "": none */
    octavo_usage usage;
    sem_t greeted, buried; /* it has said what it is, or never will; its listener is done with the isolated plugin */
    char cause[512];      /* why it could not be used; written before `greeted` */
    int is_ready;
    /* Of its listener alone. */
    int64_t asked_at, heard_at, looked_at, counted_at;
    int64_t spent;        /* processor time when it was looked at */
    int64_t kill_at;      /* it was asked to say where it hangs; 0: not */
    octavo_hang hang;
    uint64_t logged; /* lines */
    octavo_log_entry log[OCTAVO_LOG_LINES]; /* a ring: `logged` says where */
    octavo_head_seen heads[OCTAVO_CHANNELS_MAX];
    octavo_watched watched[OCTAVO_BUSY_LINES];
};

/* A call that the helper has. */
typedef struct flight {
    octavo_call call; /* 0: none */
    uint64_t name;    /* of its component, hashed */
    uint64_t at, length;
    uint32_t submission;
    uint32_t instance;
    uint16_t op;
    uint8_t kind;     /* OCTAVO_KIND_* */
    uint8_t large;    /* class of its frame + 1, 0 = small */
    uint32_t is_replay;
} flight;

/* A call that waits for room or for a process: its request, flattened. */
typedef struct waiting_call {
    struct waiting_call *next;
    octavo_call call;
    uint64_t name; /* of its component, hashed */
    int64_t deadline_ns;
    uint64_t length;
    uint32_t instance;
    uint16_t op;
    uint8_t kind;
    uint8_t is_replay;
    _Alignas(8) uint8_t frame[];
} waiting_call;

/* Offsets of free large frames of one size. */
typedef struct offsets {
    uint64_t *items;
    uint32_t count, room;
} offsets;

/* Whether looking for an answer instead of sleeping has paid lately. */
typedef struct gate {
    uint32_t looks, hits, closed, pause;
} gate;

/* For a helper that is awake, that sleeps where the loop runs, and that sleeps elsewhere. */
typedef struct peeking {
    gate awake, here, elsewhere;
    int64_t not_before; /* the next look at one that sleeps elsewhere */
} peeking;

/* What an event loop has of an isolated plugin. */
typedef struct loop_state {
    uint32_t table; /* of its calls */
    octavo_helper *helper;
    octavo_words *own;        /* in H */
    const octavo_words *peer; /* in P */
    octavo_entry *submissions;
    const octavo_entry *completions;
    uint8_t *requests;
    const uint8_t *replies;
    uint32_t tail, published, seen, rung;
    uint64_t released;
    flight *flights;
    uint32_t in_flight, high; /* slots below `high` may have a flight */
    offsets large[LARGE_CLASSES];
    uint64_t large_end;
    waiting_call *first, *last;
    uint32_t waiting;
    octavo_error refusal; /* size 0: none */
    int turn_asked, draining;
    int has_published, has_woken; /* in this turn */
    peeking peeking;
} loop_state;

/* Under the isolated plugin's lock, but for `held`. */
typedef struct quarantine {
    uint32_t count;
    uint32_t held; /* entries that are refused; atomic: mostly 0, and then no request is looked at */
    octavo_quarantined entries[OCTAVO_QUARANTINE_MAX];
} quarantine;

typedef struct proxy_type {
    octavo_type type; /* first: an instance's type leads here */
    octavo_life life;
    octavo_isolated *isolated;
    uint32_t member, index;
    uint32_t workers;
} proxy_type;

/* A plugin of a process. */
typedef struct member {
    char *path;   /* NULL: there is none at this place */
    uint64_t serial; /* of all that ever were */
    void *hello;  /* octavo_wire_plugin; what the descriptor's strings are in. NULL: no process has loaded it yet */
    octavo_plugin descriptor;
    proxy_type *types;
    const octavo_type **type_list;
} member;

struct octavo_isolated {
    char *host;
    octavo_limits limits;
    char **environment; /* `NAME=value`, and NULL */
    uint32_t loop_count;
    int processors; /* that this process and its helpers may use */
    octavo_isolated_events events;
    void *context;
    pthread_mutex_t lock;   /* of `current`, `proxies` and `members` */
    octavo_helper *current;
    proxy *proxies[MAX_INSTANCES];
    uint32_t next_id;
    member members[OCTAVO_PLUGINS_MAX];
    uint64_t next_serial;
    uint16_t loop_of_table[OCTAVO_CALLS_MAX_TABLES]; /* + 1; atomic */
    quarantine quarantine;
    loop_state loops[];
};

/* The descriptor of a member from what the first process that has it said. 0, or -1 with the cause. Takes `hello` over.
   Under the lock. */
int member_describe(octavo_isolated *isolated, uint32_t number, void *hello, char *cause, uint64_t room);
void member_free(member *it);
/* Has the process load what it lacks. 0, or -1 with the cause. */
int members_complete(octavo_helper *helper, int64_t timeout_ns, char *cause, uint64_t room);
/* Whether it lacks nothing. Under the lock. */
int members_are_complete(const octavo_helper *helper);
/* An operation of an instance: puts the request down. On a loop. */
void loop_submit(proxy *to, uint32_t op, octavo_call call, const void *request);
void loop_cancel(proxy *to, octavo_call call);
/* Looks for an answer to what was just published. `woken`: the helper slept. On the loop, which says that it is awake. */
void peek(const octavo_isolated *isolated, loop_state *loop, int woken);

/* The present process with a reference, or NULL. */
octavo_helper *isolated_current(octavo_isolated *isolated);
/* Sends a request and waits for its answer: 0, -1: the process is gone, -2: no answer in time. `body` is to
   be freed. */
int helper_ask(octavo_helper *helper, octavo_message message, const octavo_layout *layout, const void *structure,
               int64_t timeout_ns, octavo_message *answer, void **body);
/* The same in two steps, so that several are under way: 0, or -1. Without a layout `structure` is octavo_bytes. After 0 the answer must be asked for, once. */
int helper_pose(octavo_helper *helper, question *it, octavo_message message, const octavo_layout *layout, const void *structure);
int helper_answer(octavo_helper *helper, question *it, int64_t timeout_ns, octavo_message *answer, void **body);
/* Waits for a piece or for the answer: 1 or 0, or as helper_answer; after a piece another one is asked for by
   octavo_message TAKEN, and this is called again. */
int helper_piece(octavo_helper *helper, question *it, int64_t timeout_ns, octavo_message *answer, void **body);
int helper_say_bytes(octavo_helper *helper, octavo_message message, octavo_bytes body);
/* Sends a request whose answer completes `call`. */
void helper_ask_for(octavo_helper *helper, octavo_message message, octavo_call call);
/* Sends a message that has no body and no answer. 0, or an errno. */
int helper_say(octavo_helper *helper, octavo_message message);

/* Tables of a type that the helper has told of. The second is to be freed, NULL for an unknown kind. */
octavo_life proxy_life(const octavo_wire_type *type);
void *proxy_ops(const octavo_wire_type *type);
/* Extensions of an instance: octavo.handoff/1, if it has it. */
const void *proxy_get_extension(void *self, octavo_str id);

/* How often a helper is looked after. */
#define TICK_MS 100
/* To be called now and then, whether the helper speaks or not; ends one that hangs or has too much. On its listener. */
void look_after(octavo_helper *helper);
/* It has sent a message. On its listener. */
void heard_from(octavo_helper *helper);
/* Of all its threads, in nanoseconds. */
int64_t processor_time(int pid);
/* Whether one of its threads could run. */
int wants_processor(int pid);

/* NULL, or why the helper hangs; then `hang` is where. On its listener. */
const char *watch_threads(octavo_helper *helper, int64_t now, octavo_hang *hang);
const char *watch_channels(octavo_helper *helper, int64_t now);
/* Puts the process that was just started into a group of its own, if the limits ask for one. */
void cgroup_place(octavo_helper *helper);
/* Ends all that is in the group. */
void cgroup_kill(const octavo_helper *helper);
/* Whether the kernel has killed in it for want of memory. */
int cgroup_ran_out_of_memory(const octavo_helper *helper);
/* Whether the group is gone; it can't go before the last process in it. */
int cgroup_remove(const octavo_helper *helper);
/* The same, and ends what is in it. Blocks for as long as that takes, two seconds at most. */
void cgroup_remove_patiently(const octavo_helper *helper);

/* Looks at what the process has. NULL, or which limit it is over. On its listener. */
const char *watch_usage(octavo_helper *helper, int64_t now);

/* What tells requests apart: component (see quarantine_name), operation, and what it is about. `frame` is one
   that this process has flattened. Never 0. */
uint64_t quarantine_fingerprint(uint64_t component, int32_t kind, uint32_t op, const uint8_t *frame, uint64_t length);
uint64_t quarantine_name(octavo_str component);
/* The process died of it (2), or perhaps (1). */
void quarantine_strike(octavo_isolated *isolated, uint32_t instance, int32_t kind, uint32_t op, const uint8_t *frame, uint64_t length,
                       uint32_t halves, int64_t now);
/* How long requests of that fingerprint are refused yet; 0: they are not. */
int64_t quarantine_left(octavo_isolated *isolated, uint64_t fingerprint, int64_t now);

octavo_error isolation_error(int32_t code, const char *reason, const char *message);

#endif
