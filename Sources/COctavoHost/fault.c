/* The handler of fatal signals: async-signal-safe calls alone, on a stack of its own. */
#define _GNU_SOURCE
#include "octavo_fault.h"

#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "instance.h"

#define STACK_BYTES 65536u

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
#define FATAL (sizeof fatal / sizeof *fatal)

static octavo_black_box *box;
static int32_t owner; /* a child that the plugin has forked shares box and handlers, and dies for itself */
static int recording; /* atomic: one thread writes the record */
static int raises;
static void (*on_end)(void);
static struct sigaction before[FATAL];
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local void *stack;
static _Thread_local uint32_t stack_users;

static int is_inside(void) {
    /* A thread that the plugin has made has no line, and is always inside. */
    return octavo_line ? octavo_line->turn & 1 : octavo_running != NULL;
}

/* Whose code this thread is inside of, and for which call. */
static void note_place(void) {
    const octavo_busy *line = octavo_line;
    octavo_call_facts facts;
    box->op = UINT32_MAX;
    if (!is_inside()) return;
    box->is_inside = 1;
    box->kind = line ? line->kind : 0;
    box->instance = line ? line->instance : octavo_running->number;
    if (!octavo_running_call) return;
    facts = octavo_calls_facts(octavo_running_call);
    box->call = (octavo_call)(uintptr_t)facts.waiter;
    box->instance = line ? line->instance : facts.instance;
    box->op = line ? line->op : facts.op;
    /* The helper's dispatcher keeps the length there. */
    box->request_bytes = raises ? 0 : facts.tracked;
    box->has_call = 1;
}

static void note_frames(void) {
    void *frames[OCTAVO_BLACK_BOX_FRAMES];
    int count = backtrace(frames, (int)OCTAVO_BLACK_BOX_FRAMES), i;
    for (i = 0; i < count; i++) box->frames[i] = (uint64_t)(uintptr_t)frames[i];
    box->frame_count = (uint32_t)count;
}

static void note_thread(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    box->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    box->thread = (int32_t)syscall(SYS_gettid);
    prctl(PR_GET_NAME, box->thread_name);
    note_place();
    /* What follows follows pointers: a second fault ends the process, and the record stands. */
    __atomic_store_n(&box->written, 1, __ATOMIC_RELEASE);
    note_frames();
    if (raises && box->has_call) box->request_bytes = octavo_calls_request_bytes(octavo_running_call);
}

/* As if we had not been there. */
static void pass_on(int signal, const siginfo_t *info) {
    size_t i = 0;
    while (i < FATAL - 1 && fatal[i] != signal) i++;
    sigaction(signal, &before[i], NULL);
    /* The instruction faults again on return, and the handler of before finds what it expects. */
    if (info->si_code > 0 && before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN) return;
    /* Blocked until this handler returns. */
    syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), signal);
}

static void record(int signal, siginfo_t *info, void *context) {
    const ucontext_t *at = context;
    if (getpid() != owner) {
        pass_on(signal, info);
        return;
    }
    if (__atomic_exchange_n(&recording, 1, __ATOMIC_SEQ_CST)) {
        /* Another thread is at it, and ends the process. */
        for (;;) pause();
    }
    box->signal = signal;
    box->code = info->si_code;
    if (info->si_code <= 0) box->sender = info->si_pid;
    else box->address = (uint64_t)(uintptr_t)info->si_addr;
#if defined(__x86_64__)
    box->counter = (uint64_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    box->counter = at->uc_mcontext.pc;
#endif
    note_thread();
    if (raises) {
        pass_on(signal, info);
        return;
    }
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* A plugin that ends the process says nothing of its reason: at least it is known in which call. */
static void record_exit(void) {
    if (getpid() != owner) return;
    if (!is_inside()) {
        if (on_end) on_end();
        return;
    }
    if (!__atomic_exchange_n(&recording, 1, __ATOMIC_SEQ_CST)) note_thread();
}

static int note_module(struct dl_phdr_info *info, size_t size, void *data) {
    uint32_t *count = data;
    octavo_module *module;
    int i;
    (void)size;
    if (*count == OCTAVO_BLACK_BOX_MODULES) return 1;
    module = &box->modules[(*count)++];
    memset(module, 0, sizeof *module);
    module->base = info->dlpi_addr;
    for (i = 0; i < info->dlpi_phnum; i++) {
        uint64_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > module->end) module->end = end;
    }
    strncpy(module->path, info->dlpi_name, sizeof module->path - 1);
    /* The program itself, which comes first, has no name. */
    if (*count == 1 && !module->path[0] && readlink("/proc/self/exe", module->path, sizeof module->path - 1) < 0) module->path[0] = 0;
    return 0;
}

void octavo_fault_modules(void) {
    uint32_t count = 0;
    if (!box) return;
    pthread_mutex_lock(&modules_lock);
    dl_iterate_phdr(note_module, &count);
    __atomic_store_n(&box->module_count, count, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&modules_lock);
}

void octavo_fault_open(octavo_black_box *into, int end, void (*ended)(void)) {
    struct sigaction action;
    void *warm[2];
    size_t i;
    box = into;
    owner = getpid();
    raises = end == OCTAVO_FAULT_RAISE;
    on_end = ended;
    /* The first backtrace loads the unwinder, which a signal handler must not. */
    backtrace(warm, 2);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = record;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    /* A fault of the handler's own ends the process. */
    for (i = 0; i < FATAL; i++) sigaddset(&action.sa_mask, fatal[i]);
    for (i = 0; i < FATAL; i++) sigaction(fatal[i], &action, &before[i]);
    atexit(record_exit);
    octavo_fault_stack();
}

void octavo_fault_stack(void) {
    stack_t ours, there;
    if (stack_users++) return;
    if (sigaltstack(NULL, &there) || !(there.ss_flags & SS_DISABLE)) return;
    memset(&ours, 0, sizeof ours);
    ours.ss_size = STACK_BYTES;
    stack = ours.ss_sp = malloc(STACK_BYTES);
    if (stack) sigaltstack(&ours, NULL);
}

void octavo_fault_stack_ended(void) {
    stack_t none, there;
    if (!stack_users || --stack_users || !stack) return;
    memset(&none, 0, sizeof none);
    none.ss_flags = SS_DISABLE;
    /* Somebody may have put another one in its place since. */
    if (sigaltstack(NULL, &there) == 0 && there.ss_sp == stack) sigaltstack(&none, NULL);
    free(stack);
    stack = NULL;
}
