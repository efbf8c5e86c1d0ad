/* The crash record. The handler uses async-signal-safe calls alone, on a stack of its own. */
#define _GNU_SOURCE
#include <execinfo.h>
#include <link.h>
#include <octavo_black_box.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "serve.h"

#define STACK_BYTES 65536u

static octavo_black_box *box;
static int recording; /* atomic: one thread writes the record */

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

/* The call whose operation is on this thread's stack. */
static void note_call(void) {
    octavo_call call = octavo_current_call();
    octavo_call_facts facts = octavo_calls_facts(call);
    if (!call) return;
    box->call = (octavo_call)(uintptr_t)facts.waiter;
    box->instance = facts.instance;
    box->op = facts.op;
    box->request_bytes = facts.tracked;
    box->has_call = 1;
}

static void note_frames(void) {
    void *frames[OCTAVO_BLACK_BOX_FRAMES];
    int count = backtrace(frames, (int)OCTAVO_BLACK_BOX_FRAMES), i;
    for (i = 0; i < count; i++) box->frames[i] = (uint64_t)(uintptr_t)frames[i];
    box->frame_count = (uint32_t)count;
}

static void record(int signal, siginfo_t *info, void *context) {
    const ucontext_t *at = context;
    if (__atomic_exchange_n(&recording, 1, __ATOMIC_SEQ_CST)) {
        /* Another thread is at it, and ends the process. */
        for (;;) pause();
    }
    box->signal = signal;
    box->code = info->si_code;
    box->address = (uint64_t)(uintptr_t)info->si_addr;
    box->thread = (int32_t)syscall(SYS_gettid);
#if defined(__x86_64__)
    box->counter = (uint64_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    box->counter = at->uc_mcontext.pc;
#endif
    prctl(PR_GET_NAME, box->thread_name);
    note_call();
    note_frames();
    __atomic_store_n(&box->written, 1, __ATOMIC_RELEASE);
    /* Dying of the signal itself goes through the kernel's code for core dumps, which takes its time while callers
       wait. The record says which one it was. */
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* A plugin that ends the process says nothing of its reason: at least it is known in which call. */
static void record_exit(void) {
    if (!box || !octavo_current_call() || __atomic_exchange_n(&recording, 1, __ATOMIC_SEQ_CST)) return;
    box->thread = (int32_t)syscall(SYS_gettid);
    prctl(PR_GET_NAME, box->thread_name);
    note_call();
    note_frames();
    __atomic_store_n(&box->written, 1, __ATOMIC_RELEASE);
}

static int note_module(struct dl_phdr_info *info, size_t size, void *data) {
    octavo_module *module;
    int i;
    (void)size, (void)data;
    if (box->module_count == OCTAVO_BLACK_BOX_MODULES) return 1;
    module = &box->modules[box->module_count++];
    module->base = info->dlpi_addr;
    for (i = 0; i < info->dlpi_phnum; i++) {
        uint64_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > module->end) module->end = end;
    }
    strncpy(module->path, info->dlpi_name, sizeof module->path - 1);
    return 0;
}

void black_box_modules(void) {
    if (!box) return;
    box->module_count = 0;
    dl_iterate_phdr(note_module, NULL);
}

void black_box_open(void) {
    struct sigaction action;
    void *warm[2];
    size_t i;
    box = mmap(NULL, sizeof *box, PROT_READ | PROT_WRITE, MAP_SHARED, OCTAVO_HELPER_BLACK_BOX, 0);
    close(OCTAVO_HELPER_BLACK_BOX);
    if (box == MAP_FAILED) {
        box = NULL;
        return;
    }
    /* The first backtrace loads the unwinder, which a signal handler must not. */
    backtrace(warm, 2);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = record;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof fatal / sizeof *fatal; i++) sigaction(fatal[i], &action, NULL);
    atexit(record_exit);
    black_box_thread();
}

void black_box_thread(void) {
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    stack.ss_size = STACK_BYTES;
    stack.ss_sp = malloc(STACK_BYTES);
    if (stack.ss_sp) sigaltstack(&stack, NULL);
}

void black_box_thread_ended(void) {
    stack_t none, before;
    memset(&none, 0, sizeof none);
    none.ss_flags = SS_DISABLE;
    if (sigaltstack(&none, &before) == 0 && !(before.ss_flags & SS_DISABLE)) free(before.ss_sp);
}
