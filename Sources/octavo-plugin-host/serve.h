/* A helper: serves the instances of one plugin, or of several, to the runtime that has spawned it. */
#ifndef OCTAVO_SERVE_H
#define OCTAVO_SERVE_H

#include <octavo_channel.h>
#include <octavo_control.h>
#include <octavo_instances.h>
#include <pthread.h>
#include <semaphore.h>

#define MAX_INSTANCES 4096u
/* The runtime has so many calls on one loop. */
#define MAX_CALLS 16384u

/* What of a hand-over of state is under way. */
typedef struct handing {
    sem_t taken;     /* the runtime has the part */
    uint64_t token;  /* of the export; under the instance's lock */
    int32_t answer;
    uint8_t *piece;  /* parts of one that is not whole yet */
    uint64_t size, room;
} handing;

/* An instance, and the thread on which its life functions run one after the other. */
typedef struct served {
    uint32_t id;
    const octavo_type *type;
    const octavo_kind *kind;
    octavo_instance *raw;
    int created;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct errand *first, *last;
    handing handing;
} served;

/* Loads the plugin at place `first` and serves it until the runtime says otherwise or is gone; `limits` as
   limits_apply takes them. The exit code. */
int serve(uint32_t first, const char *path, uint32_t channels, uint64_t area, int limit_count, char *const *limits);

/* Sends to the runtime; from any thread. */
void tell(octavo_message message, const octavo_layout *layout, const void *structure);

/* Questions about octavo.handoff/1, on the instance's life thread; `part`: the body of an IMPORT. */
void handoff_describe(served *it, const octavo_message *message);
void handoff_export(served *it, const octavo_message *message);
void handoff_import(served *it, const octavo_message *message, const void *part);
/* The runtime has taken a part. On any thread. */
void handoff_taken(served *it, const octavo_message *message);

void tell_bytes(octavo_message message, octavo_bytes body);

/* Starts the thread that takes calls out of the channels. 0, or an errno. */
int dispatcher_start(uint32_t channels, uint64_t area);
/* The instance of that number, NULL when there is none. For the dispatcher. */
served *instance_at(uint32_t id);
/* Publishes an entry with the structure. OK, INVALID: it breaks the rules, or TOO_LARGE. On any thread. */
int32_t dispatcher_send(uint32_t channel, octavo_entry entry, const octavo_layout *layout, const void *structure);
/* What a request that the dispatcher hands out says of a source. */
void sources_note(const octavo_kind *kind, uint32_t op, const void *request, uint32_t channel);
/* As octavo_host's. */
int32_t sources_deliver(octavo_source source, uint64_t token, const void *message);
int32_t sources_failed(octavo_source source, const octavo_error *error);
/* Waits until the dispatcher can't be inside of an instance that instance_at no longer gives. */
void dispatcher_pass(void);

/* The table of what threads do is in that segment. */
void busy_open(void *segment_p);
/* A line for the calling thread, NULL when there is none left. */
octavo_busy *busy_take(octavo_busy line);
void busy_give_back(octavo_busy *line);

/* Prepares the crash record and the handlers of fatal signals. */
void black_box_open(void);
/* Notes which objects are mapped, for the record. */
void black_box_modules(void);
/* Gives the calling thread a stack for its signal handler. */
void black_box_thread(void);
/* Takes it away again. */
void black_box_thread_ended(void);

#endif
