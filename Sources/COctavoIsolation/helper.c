/* A helper process: its birth, the conversation with it, its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "isolated.h"
#include "segments.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Descriptors are collected above those that the helper gets, so that none is overwritten. */
#define ABOVE (OCTAVO_HELPER_LOOP_DOORBELLS + (int)OCTAVO_CHANNELS_MAX)

void octavo_helper_retain(octavo_helper *helper) { __atomic_add_fetch(&helper->references, 1, __ATOMIC_RELAXED); }

static void close_if(int descriptor) {
    if (descriptor >= 0) close(descriptor);
}

void octavo_helper_release(octavo_helper *helper) {
    uint32_t i, loops = helper->loops;
    if (__atomic_sub_fetch(&helper->references, 1, __ATOMIC_ACQ_REL)) return;
    if (helper->h) munmap(helper->h, octavo_segment_h_size(loops, AREA));
    if (helper->p) munmap(helper->p, octavo_segment_p_size(loops, AREA));
    if (helper->box) munmap(helper->box, sizeof *helper->box);
    close_if(helper->control);
    close_if(helper->doorbell);
    close_if(helper->pidfd);
    for (i = 0; i < loops; i++) close_if(helper->doorbells[i]);
    pthread_mutex_destroy(&helper->lock);
    sem_destroy(&helper->greeted);
    sem_destroy(&helper->buried);
    free(helper->path);
    free(helper->cgroup);
    free(helper);
}

int32_t octavo_helper_pid(const octavo_helper *helper) { return helper->pid; }
int32_t octavo_helper_mark(const octavo_helper *helper) { return __atomic_load_n(&helper->mark, __ATOMIC_ACQUIRE); }
void octavo_helper_set_mark(octavo_helper *helper, int32_t mark) { __atomic_store_n(&helper->mark, mark, __ATOMIC_RELEASE); }

int32_t octavo_helper_is_alive(octavo_helper *helper) {
    int ended;
    pthread_mutex_lock(&helper->lock);
    ended = helper->has_ended;
    pthread_mutex_unlock(&helper->lock);
    return !ended;
}

octavo_usage octavo_helper_usage(octavo_helper *helper) {
    octavo_usage usage;
    pthread_mutex_lock(&helper->lock);
    usage = helper->usage;
    pthread_mutex_unlock(&helper->lock);
    return usage;
}

int octavo_helper_doorbell(const octavo_helper *helper, uint32_t loop) { return helper->doorbells[loop]; }

void octavo_helper_kill(octavo_helper *helper, const char *reason) {
    pthread_mutex_lock(&helper->lock);
    if (!helper->has_ended) {
        if (!helper->reason[0]) snprintf(helper->reason, sizeof helper->reason, "%s", reason);
        syscall(SYS_pidfd_send_signal, helper->pidfd, SIGKILL, NULL, 0);
        cgroup_kill(helper);
    }
    pthread_mutex_unlock(&helper->lock);
}

/* Asking */

int helper_say(octavo_helper *helper, octavo_message message) {
    int failed;
    pthread_mutex_lock(&helper->lock);
    failed = helper->has_ended ? EPIPE : octavo_message_send(helper->control, message, NULL, NULL);
    pthread_mutex_unlock(&helper->lock);
    return failed;
}

/* Puts the question down and sends it; 0, or -1 when there is nobody to answer. Without a layout the structure is
   octavo_bytes. */
static int pose(octavo_helper *helper, question *it, octavo_message message, const octavo_layout *layout, const void *structure) {
    int failed;
    pthread_mutex_lock(&helper->lock);
    it->token = message.token = ++helper->next_token;
    it->takes_pieces = message.type == OCTAVO_MESSAGE_EXPORT;
    failed = helper->has_ended;
    if (!failed) {
        it->next = helper->questions;
        helper->questions = it;
        failed = structure && !layout ? octavo_message_send_bytes(helper->control, message, *(const octavo_bytes *)structure)
                                      : octavo_message_send(helper->control, message, layout, structure);
        if (failed) helper->questions = it->next;
    }
    pthread_mutex_unlock(&helper->lock);
    return failed ? -1 : 0;
}

static question *withdraw(octavo_helper *helper, uint64_t token) {
    question **at = &helper->questions, *found;
    while (*at && (*at)->token != token) at = &(*at)->next;
    found = *at;
    if (found) *at = found->next;
    return found;
}

int helper_say_bytes(octavo_helper *helper, octavo_message message, octavo_bytes body) {
    int failed;
    pthread_mutex_lock(&helper->lock);
    failed = helper->has_ended ? EPIPE : octavo_message_send_bytes(helper->control, message, body);
    pthread_mutex_unlock(&helper->lock);
    return failed;
}

int helper_pose(octavo_helper *helper, question *it, octavo_message message, const octavo_layout *layout, const void *structure) {
    memset(it, 0, sizeof *it);
    sem_init(&it->done, 0, 0);
    if (!pose(helper, it, message, layout, structure)) return 0;
    sem_destroy(&it->done);
    return -1;
}

/* Waits for what the listener has for the question. 0, or -2 when there was nothing in time: then it is withdrawn. */
static int await(octavo_helper *helper, question *it, int64_t timeout_ns) {
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ns / 1000000000;
    until.tv_nsec += timeout_ns % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (sem_clockwait(&it->done, CLOCK_MONOTONIC, &until)) {
        if (errno == EINTR) continue;
        pthread_mutex_lock(&helper->lock);
        late = withdraw(helper, it->token) != NULL;
        pthread_mutex_unlock(&helper->lock);
        if (late) break;
        /* It was answered just now: the post is on its way. */
        while (sem_wait(&it->done) && errno == EINTR) {}
        break;
    }
    return late ? -2 : 0;
}

int helper_answer(octavo_helper *helper, question *it, int64_t timeout_ns, octavo_message *answer, void **body) {
    int failed = await(helper, it, timeout_ns);
    sem_destroy(&it->done);
    if (failed) return failed;
    if (it->lost) return -1;
    *answer = it->answer;
    *body = it->body;
    return 0;
}

int helper_piece(octavo_helper *helper, question *it, int64_t timeout_ns, octavo_message *answer, void **body) {
    int failed = await(helper, it, timeout_ns), is_piece;
    pthread_mutex_lock(&helper->lock);
    is_piece = !failed && it->has_piece;
    it->has_piece = 0;
    if (!failed) {
        *answer = it->answer;
        *body = it->body;
        it->body = NULL;
    }
    pthread_mutex_unlock(&helper->lock);
    if (is_piece) return 1;
    free(it->body);
    sem_destroy(&it->done);
    return failed ? failed : it->lost ? -1 : 0;
}

int helper_ask(octavo_helper *helper, octavo_message message, const octavo_layout *layout, const void *structure,
               int64_t timeout_ns, octavo_message *answer, void **body) {
    question it;
    return helper_pose(helper, &it, message, layout, structure) ? -1 : helper_answer(helper, &it, timeout_ns, answer, body);
}

static void complete_lost(octavo_call call) {
    octavo_error error = isolation_error(OCTAVO_CODE_UNAVAILABLE, "PLUGIN_CRASHED",
                                         "the plugin's process ended (see `octavo plugin crashes`)");
    error.flags = OCTAVO_ERROR_OUTAGE | OCTAVO_ERROR_RETRYABLE;
    octavo_calls_complete(call, &error, NULL);
}

void helper_ask_for(octavo_helper *helper, octavo_message message, octavo_call call) {
    question *it = calloc(1, sizeof *it);
    if (it) it->call = call;
    if (it && !pose(helper, it, message, NULL, NULL)) return;
    free(it);
    complete_lost(call);
}

void octavo_helper_log_level(octavo_helper *helper, int32_t level) {
    helper_say(helper, (octavo_message){.type = OCTAVO_MESSAGE_LOG_LEVEL, .number = level});
}

void octavo_helper_quit(octavo_helper *helper) {
    pthread_mutex_lock(&helper->lock);
    helper->was_asked = 1;
    if (!helper->has_ended) octavo_message_send(helper->control, (octavo_message){.type = OCTAVO_MESSAGE_QUIT}, NULL, NULL);
    pthread_mutex_unlock(&helper->lock);
}

/* Listening */

static void settle(question *it, const octavo_message *answer, void *body) {
    octavo_error *error = NULL;
    octavo_error broken;
    if (!it->call) {
        it->lost = answer == NULL;
        if (answer) {
            it->answer = *answer;
            it->body = body;
        }
        sem_post(&it->done);
        return;
    }
    if (!answer) {
        complete_lost(it->call);
    } else if (!answer->number) {
        octavo_calls_complete(it->call, NULL, NULL);
    } else {
        error = octavo_message_body(&octavo_layout_error, body, answer->length);
        broken = isolation_error(OCTAVO_CODE_INTERNAL, "PROTOCOL_VIOLATION", "the plugin's process gave an error that can't be read");
        octavo_calls_complete(it->call, error ? error : &broken, NULL);
        free(error);
    }
    free(body);
    free(it);
}

/* Kept for a report. */
static void remember_line(octavo_helper *helper, int32_t level, octavo_str text) {
    uint32_t at = (uint32_t)(helper->logged++ % OCTAVO_LOG_LINES);
    uint64_t size = text.size < OCTAVO_LOG_LINE ? text.size : OCTAVO_LOG_LINE - 1;
    helper->log[at].level = level;
    if (size) memcpy(helper->log[at].text, text.data, size);
    helper->log[at].text[size] = 0;
}

/* Passed on as if the plugin were in this process. */
static void hear_line(octavo_helper *helper, const octavo_message *message, const void *body) {
    const octavo_host *host = octavo_host_table();
    octavo_isolated *isolated = helper->isolated;
    octavo_log_line *line = octavo_message_body(&octavo_layout_log_line, body, message->length);
    const proxy *from;
    if (!line) return;
    if (message->type == OCTAVO_MESSAGE_LOG) remember_line(helper, message->number, line->text);
    /* An instance ends under this lock. */
    pthread_mutex_lock(&isolated->lock);
    from = message->instance < MAX_INSTANCES ? isolated->proxies[message->instance] : NULL;
    if (from && from->raw && message->type == OCTAVO_MESSAGE_LOG) host->log(from->raw, 0, message->number, line->text, line->fields);
    else if (from && from->raw) host->report_health(from->raw, message->number, line->text);
    pthread_mutex_unlock(&isolated->lock);
    free(line);
}

static void hear_hello(octavo_helper *helper, const octavo_message *message, const void *body) {
    octavo_wire_plugin *hello = octavo_message_body(&octavo_layout_wire_plugin, body, message->length);
    octavo_isolated *isolated = helper->isolated;
    if (!hello) {
        snprintf(helper->cause, sizeof helper->cause, "its process described it in a way that can't be read");
    } else {
        pthread_mutex_lock(&isolated->lock);
        helper->is_ready = member_describe(isolated, helper->first, hello, helper->cause, sizeof helper->cause) == 0;
        if (helper->is_ready) helper->loaded[helper->first] = isolated->members[helper->first].serial;
        pthread_mutex_unlock(&isolated->lock);
    }
    sem_post(&helper->greeted);
}

static void hear_refusal(octavo_helper *helper, const octavo_message *message, const void *body) {
    octavo_error *error = octavo_message_body(&octavo_layout_error, body, message->length);
    if (error) snprintf(helper->cause, sizeof helper->cause, "%.*s", (int)(error->message.size < sizeof helper->cause ? error->message.size : sizeof helper->cause - 1), error->message.data ? error->message.data : "");
    free(error);
}

/* Takes over `body`. NULL, or the rule that is broken. */
static const char *hear_piece(octavo_helper *helper, const octavo_message *message, void *body) {
    const char *broken = NULL;
    question *it;
    pthread_mutex_lock(&helper->lock);
    for (it = helper->questions; it && it->token != message->token; it = it->next) {}
    if (it && it->takes_pieces && !it->has_piece) {
        it->answer = *message;
        it->body = body;
        it->has_piece = 1;
        sem_post(&it->done);
        body = NULL;
    } else if (it) {
        broken = "protocol violation: a piece of state that nobody has asked for";
    }
    pthread_mutex_unlock(&helper->lock);
    free(body);
    return broken;
}

/* NULL, or the rule that the message breaks. */
static const char *hear(octavo_helper *helper, const octavo_message *message, void *body) {
    question *it;
    switch (message->type) {
    case OCTAVO_MESSAGE_PONG: break;
    case OCTAVO_MESSAGE_ANSWER:
        pthread_mutex_lock(&helper->lock);
        it = withdraw(helper, message->token);
        if (it && it->has_piece) {
            it->next = helper->questions;
            helper->questions = it;
            pthread_mutex_unlock(&helper->lock);
            free(body);
            return "protocol violation: an end of pieces before the last was taken";
        }
        pthread_mutex_unlock(&helper->lock);
        if (it) settle(it, message, body);
        else free(body); /* an answer that nobody waits for any more */
        return NULL;
    case OCTAVO_MESSAGE_PIECE: return hear_piece(helper, message, body);
    case OCTAVO_MESSAGE_LOG:
    case OCTAVO_MESSAGE_REPORT: hear_line(helper, message, body); break;
    case OCTAVO_MESSAGE_HELLO:
        if (helper->is_ready) {
            free(body);
            return "protocol violation: it introduced itself twice";
        }
        hear_hello(helper, message, body);
        break;
    case OCTAVO_MESSAGE_REFUSED: hear_refusal(helper, message, body); break;
    default: free(body); return "protocol violation: a message that is not a helper's to send";
    }
    free(body);
    return NULL;
}

/* The record of a crash, copied: its writer is dead, but its like may lie. */
static octavo_black_box *copy_box(const octavo_helper *helper) {
    octavo_black_box *copy;
    uint32_t i;
    if (!__atomic_load_n(&helper->box->written, __ATOMIC_ACQUIRE)) return NULL;
    copy = malloc(sizeof *copy);
    if (!copy) return NULL;
    memcpy(copy, helper->box, sizeof *copy);
    copy->thread_name[sizeof copy->thread_name - 1] = 0;
    if (copy->frame_count > OCTAVO_BLACK_BOX_FRAMES) copy->frame_count = OCTAVO_BLACK_BOX_FRAMES;
    if (copy->module_count > OCTAVO_BLACK_BOX_MODULES) copy->module_count = OCTAVO_BLACK_BOX_MODULES;
    for (i = 0; i < OCTAVO_BLACK_BOX_MODULES; i++) copy->modules[i].path[sizeof copy->modules[i].path - 1] = 0;
    return copy;
}

/* The lines in order. Without memory there are none. */
static octavo_log_entry *copy_log(const octavo_helper *helper, uint32_t *count) {
    octavo_log_entry *copy = calloc(OCTAVO_LOG_LINES, sizeof *copy);
    uint64_t i, from = helper->logged > OCTAVO_LOG_LINES ? helper->logged - OCTAVO_LOG_LINES : 0;
    *count = 0;
    for (i = from; copy && i < helper->logged; i++) copy[(*count)++] = helper->log[i % OCTAVO_LOG_LINES];
    return copy;
}

/* Which component the instance is of, and what kind it has. */
static void name_call(octavo_isolated *isolated, octavo_helper_end *end, uint32_t instance, uint32_t op, uint64_t bytes) {
    const proxy *it;
    const octavo_kind *kind;
    pthread_mutex_lock(&isolated->lock);
    it = instance < MAX_INSTANCES ? isolated->proxies[instance] : NULL;
    if (it && it->config) {
        const octavo_str id = isolated->members[it->type->member].descriptor.id;
        kind = octavo_kind_at(it->type->type.kind);
        snprintf(end->plugin, sizeof end->plugin, "%.*s", (int)id.size, id.data ? id.data : "");
        snprintf(end->component, sizeof end->component, "%.*s", (int)it->config->component.size,
                 it->config->component.data ? it->config->component.data : "");
        if (op < kind->op_count) {
            end->kind = it->type->type.kind;
            end->op = op;
            end->request_bytes = bytes;
        }
    }
    pthread_mutex_unlock(&isolated->lock);
}

static int64_t nanoseconds(struct timeval time) { return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000; }

static void mourn(octavo_helper *helper) {
    octavo_isolated *isolated = helper->isolated;
    octavo_helper_end end;
    octavo_black_box *box;
    question *it, *next;
    octavo_log_entry *log;
    struct rusage spent;
    siginfo_t info;
    memset(&info, 0, sizeof info);
    memset(&spent, 0, sizeof spent);
    /* The system call says what the process has spent, which the library's function does not. */
    while (syscall(SYS_waitid, P_PIDFD, helper->pidfd, &info, WEXITED, &spent) && errno == EINTR) {}
    pthread_mutex_lock(&helper->lock);
    helper->has_ended = 1;
    it = helper->questions;
    helper->questions = NULL;
    pthread_mutex_unlock(&helper->lock);
    /* In this order: see octavo_helper_adopt. */
    pthread_mutex_lock(&isolated->lock);
    if (isolated->current == helper) isolated->current = NULL;
    pthread_mutex_unlock(&isolated->lock);
    for (; it; it = next) {
        next = it->next;
        settle(it, NULL, NULL);
    }
    /* What it had started goes with it. */
    cgroup_kill(helper);
    box = copy_box(helper);
    if (!helper->reason[0] && !box && info.si_code != CLD_EXITED && info.si_status == SIGKILL && cgroup_ran_out_of_memory(helper)) {
        snprintf(helper->reason, sizeof helper->reason, "memory: its control group had more than its limit allows, and the kernel ended it");
        if (!helper->is_ready) snprintf(helper->cause, sizeof helper->cause, "%s", helper->reason);
    }
    cgroup_remove(helper);
    memset(&end, 0, sizeof end);
    if (info.si_code == CLD_EXITED) end.code = info.si_status;
    else end.signal = info.si_status;
    /* Its handler ends it by SIGKILL once the record is whole. */
    if (end.signal == SIGKILL && box && box->signal > 0 && box->signal < NSIG && !helper->reason[0]) end.signal = box->signal;
    end.was_asked = helper->was_asked;
    end.reason = helper->reason;
    end.box = box;
    end.usage = helper->usage;
    end.cpu_ns = nanoseconds(spent.ru_utime) + nanoseconds(spent.ru_stime);
    if (box && box->has_call) name_call(isolated, &end, box->instance, box->op, box->request_bytes);
    else if (helper->hang.call) name_call(isolated, &end, helper->hang.instance, helper->hang.op, 0);
    log = copy_log(helper, &end.log_count);
    end.log = log;
    end.culprit = helper->hang.call;
    /* A signal that was sent from outside is nobody's fault. */
    if (!end.culprit && box && (!box->signal || box->code != SI_USER)) end.culprit = box->call;
    if (!helper->is_ready) {
        if (!helper->cause[0]) {
            if (end.signal) snprintf(helper->cause, sizeof helper->cause, "its process was ended by signal %d while it was loaded", end.signal);
            else snprintf(helper->cause, sizeof helper->cause, "its process ended with code %d while it was loaded", end.code);
        }
        sem_post(&helper->greeted);
    } else {
        isolated->events.ended(isolated->context, helper, &end);
    }
    free(box);
    free(log);
}

/* Waits for a message or for the end, which a child of the helper's might keep the socket from telling. */
static int wait_for_message(octavo_helper *helper) {
    struct pollfd ends[] = {{helper->control, POLLIN, 0}, {helper->pidfd, POLLIN, 0}};
    for (;;) {
        int count;
        if (helper->is_ready) look_after(helper);
        count = poll(ends, 2, TICK_MS);
        if (count < 0 && errno != EINTR) return -1;
        if (count > 0) return ends[0].revents & POLLIN ? 0 : -1;
    }
}

static void listen_to(void *argument) {
    octavo_helper *helper = argument;
    octavo_message message;
    void *body;
    int failed = EPIPE;
    while (!wait_for_message(helper) && !(failed = octavo_message_receive(helper->control, &message, &body))) {
        const char *broken;
        heard_from(helper);
        broken = hear(helper, &message, body);
        if (broken) octavo_helper_kill(helper, broken);
    }
    /* Without a conversation there is no helper; EPIPE is its own end. */
    octavo_helper_kill(helper, failed == EPROTO ? "protocol violation: a message that is too long or of no known type" : "");
    mourn(helper);
    cgroup_remove_patiently(helper);
    sem_post(&helper->buried);
    octavo_helper_release(helper);
}

/* Birth */

static int above(int descriptor) {
    int high = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE);
    close(descriptor);
    return high;
}

static int spawn(octavo_helper *helper, const int *given, int count) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    const octavo_limits *limits = &helper->isolated->limits;
    char channels[16], area[32], words[8][48];
    char *arguments[] = {"octavo-plugin-host", "serve", helper->path, channels, area,
                         words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], NULL};
    int i, failed;
    snprintf(words[0], sizeof words[0], "memory=%llu", (unsigned long long)limits->memory);
    snprintf(words[1], sizeof words[1], "cpu=%llu", (unsigned long long)limits->cpu_seconds);
    snprintf(words[2], sizeof words[2], "descriptors=%u", limits->descriptors ? limits->descriptors : OCTAVO_DESCRIPTORS);
    /* To the helper 0 is none and what it is not told is free. */
    snprintf(words[3], sizeof words[3], "processes=%d", limits->processes < 0 ? 0 : limits->processes ? limits->processes : -1);
    snprintf(words[4], sizeof words[4], "seccomp=%d", limits->seccomp);
    snprintf(words[5], sizeof words[5], "network=%d", limits->no_network ? 0 : 1);
    snprintf(words[6], sizeof words[6], "place=%u", helper->first);
    snprintf(words[7], sizeof words[7], "placed=%d", helper->isolated->limits.cgroup ? 0 : 1);
    snprintf(channels, sizeof channels, "%u", helper->isolated->loop_count);
    snprintf(area, sizeof area, "%llu", (unsigned long long)AREA);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (i = 0; i < count; i++) posix_spawn_file_actions_adddup2(&actions, given[i], OCTAVO_HELPER_CONTROL + i);
    posix_spawn_file_actions_addclosefrom_np(&actions, OCTAVO_HELPER_CONTROL + count);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    /* What a terminal sends to its foreground is not for it. Not a session of its own: where the kernel schedules by sessions, a new
       one waits for seconds on a busy machine before it gets its first turn. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawn(&helper->pid, helper->isolated->host, &actions, &attributes, arguments, helper->isolated->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

/* Makes what both share. `given`: the helper's ends, in the order of their numbers. 0, or an errno. */
static int prepare(octavo_helper *helper, int *given, int *count) {
    uint32_t loops = helper->isolated->loop_count, i;
    const struct timeval patience = {5, 0};
    int pair[2], descriptor, failed;
    void *box;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return errno;
    helper->control = pair[0];
    /* A helper that does not listen holds nobody up for long. */
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    given[(*count)++] = above(pair[1]);
    failed = segment_open("octavo-h", octavo_segment_h_size(loops, AREA), 1, &descriptor, &helper->h);
    if (failed) return failed;
    given[(*count)++] = above(descriptor);
    failed = segment_open("octavo-p", octavo_segment_p_size(loops, AREA), 0, &descriptor, &helper->p);
    if (failed) return failed;
    given[(*count)++] = above(descriptor);
    failed = segment_open("octavo-b", sizeof *helper->box, 0, &descriptor, &box);
    if (failed) return failed;
    helper->box = box;
    given[(*count)++] = above(descriptor);
    helper->doorbell = eventfd(0, EFD_CLOEXEC);
    if (helper->doorbell < 0) return errno;
    given[(*count)++] = fcntl(helper->doorbell, F_DUPFD_CLOEXEC, ABOVE);
    for (i = 0; i < loops; i++) {
        helper->doorbells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (helper->doorbells[i] < 0) return errno;
        given[(*count)++] = fcntl(helper->doorbells[i], F_DUPFD_CLOEXEC, ABOVE);
    }
    return 0;
}

static octavo_helper *helper_new(octavo_isolated *isolated, int32_t mark) {
    octavo_helper *helper = calloc(1, sizeof *helper);
    uint32_t i;
    if (!helper) return NULL;
    pthread_mutex_lock(&isolated->lock);
    /* One that another process has had; the very first has nothing to go by. */
    while (helper->first < OCTAVO_PLUGINS_MAX - 1 && !isolated->members[helper->first].hello) helper->first++;
    if (!isolated->members[helper->first].hello) helper->first = 0;
    if (isolated->members[helper->first].path) helper->path = strdup(isolated->members[helper->first].path);
    pthread_mutex_unlock(&isolated->lock);
    if (!helper->path) {
        free(helper);
        return NULL;
    }
    helper->isolated = isolated;
    helper->loops = isolated->loop_count;
    helper->mark = mark;
    helper->references = 1;
    helper->pidfd = helper->control = helper->doorbell = -1;
    for (i = 0; i < OCTAVO_CHANNELS_MAX; i++) helper->doorbells[i] = -1;
    pthread_mutex_init(&helper->lock, NULL);
    sem_init(&helper->greeted, 0, 0);
    sem_init(&helper->buried, 0, 0);
    return helper;
}

/* Ends a process that can't be listened to. */
static void drop(octavo_helper *helper) {
    siginfo_t info;
    kill(helper->pid, SIGKILL);
    while (waitid(P_PID, (id_t)helper->pid, &info, WEXITED) && errno == EINTR) {}
    cgroup_remove_patiently(helper);
}

octavo_helper *octavo_helper_start(octavo_isolated *isolated, int64_t timeout_ns, int32_t mark, int32_t *was_told, char *cause,
                                   uint64_t room) {
    octavo_helper *helper = helper_new(isolated, mark);
    int given[ABOVE], count = 0, failed, i;
    struct timespec until;
    *was_told = 0;
    if (!helper) {
        snprintf(cause, room, "there is no memory");
        return NULL;
    }
    failed = prepare(helper, given, &count);
    if (!failed) failed = spawn(helper, given, count);
    for (i = 0; i < count; i++) close_if(given[i]);
    if (failed) {
        snprintf(cause, room, "can't start %s: %s", isolated->host, strerror(failed));
        octavo_helper_release(helper);
        return NULL;
    }
    if (isolated->limits.cgroup) {
        cgroup_place(helper);
        octavo_message_send(helper->control, (octavo_message){.type = OCTAVO_MESSAGE_PLACED}, NULL, NULL);
    }
    helper->pidfd = (int)syscall(SYS_pidfd_open, helper->pid, 0);
    octavo_helper_retain(helper);
    if (helper->pidfd < 0 || octavo_thread_detached("oct-helper", listen_to, helper)) {
        snprintf(cause, room, "can't watch the plugin's process: %s", strerror(errno));
        drop(helper);
        octavo_helper_release(helper);
        octavo_helper_release(helper);
        return NULL;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ns / 1000000000;
    while (sem_clockwait(&helper->greeted, CLOCK_MONOTONIC, &until)) {
        if (errno == EINTR) continue;
        octavo_helper_kill(helper, "it was not loaded in time");
        while (sem_wait(&helper->greeted) && errno == EINTR) {}
        break;
    }
    if (helper->is_ready && !members_complete(helper, timeout_ns, helper->cause, sizeof helper->cause)) return helper;
    snprintf(cause, room, "%s", helper->cause);
    octavo_helper_kill(helper, "it can't be used");
    while (sem_wait(&helper->buried) && errno == EINTR) {}
    *was_told = helper->is_ready;
    octavo_helper_release(helper);
    return NULL;
}
