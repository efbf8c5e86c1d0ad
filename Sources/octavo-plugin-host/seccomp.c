#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000u /* x32 */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define MAX_RULES 512
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

typedef struct program {
    struct sock_filter rules[MAX_RULES];
    unsigned short count;
} program;

static void add(program *to, struct sock_filter rule) {
    if (to->count < MAX_RULES) to->rules[to->count] = rule;
    to->count++;
}

#define LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at)))
#define ANSWER(value) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value))
#define FAIL(number) ANSWER(SECCOMP_RET_ERRNO | (number))
/* The next `skip` rules only if it is equal; else they are jumped over. */
#define IF_EQUAL(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, skip))
#define IF_DIFFERS(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), skip, 0))
#define IF_ANY_BIT(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), 0, skip))
#define IF_NO_BIT(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), skip, 0))
#define NUMBER offsetof(struct seccomp_data, nr)
/* The lower half: the machines are little-endian. */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))

static void forbid(program *to, long number) {
    add(to, IF_EQUAL(number, 1));
    add(to, FAIL(EPERM));
}

static void missing(program *to, long number) {
    add(to, IF_EQUAL(number, 1));
    add(to, FAIL(ENOSYS));
}

static void begin(program *to) {
    add(to, LOAD(offsetof(struct seccomp_data, arch)));
    add(to, IF_DIFFERS(ARCHITECTURE, 1));
    add(to, ANSWER(SECCOMP_RET_KILL_PROCESS));
    add(to, LOAD(NUMBER));
#ifdef OTHER_ABI
    add(to, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1));
    add(to, FAIL(ENOSYS));
#endif
}

static void standard(program *to) {
    static const long forbidden[] = {
        SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_execve, SYS_execveat, SYS_mount, SYS_umount2,
        SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
        SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
        SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
        SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_open_by_handle_at, SYS_name_to_handle_at,
        SYS_personality, SYS_kcmp, SYS_vhangup,
#ifdef SYS_pidfd_getfd
        SYS_pidfd_getfd,
#endif
#ifdef SYS_kexec_file_load
        SYS_kexec_file_load,
#endif
#ifdef SYS_open_tree
        SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
#endif
#ifdef SYS_iopl
        SYS_iopl, SYS_ioperm,
#endif
    };
    size_t i;
    for (i = 0; i < sizeof forbidden / sizeof *forbidden; i++) forbid(to, forbidden[i]);
    /* What it does is not seen by a filter. */
#ifdef SYS_io_uring_setup
    missing(to, SYS_io_uring_setup);
#endif
}

static void no_processes(program *to) {
    /* Its flags are in memory, which a filter can't read; the C library then takes the older call. */
#ifdef SYS_clone3
    missing(to, SYS_clone3);
#endif
#ifdef SYS_fork
    forbid(to, SYS_fork);
    forbid(to, SYS_vfork);
#endif
    add(to, IF_EQUAL(SYS_clone, 4));
    add(to, LOAD(ARGUMENT(0)));
    add(to, IF_NO_BIT(CLONE_THREAD, 1));
    add(to, FAIL(EPERM));
    add(to, LOAD(NUMBER));
}

static void no_network(program *to) {
    add(to, IF_EQUAL(SYS_socket, 4));
    add(to, LOAD(ARGUMENT(0)));
    add(to, IF_DIFFERS(AF_UNIX, 1));
    add(to, FAIL(EACCES));
    add(to, LOAD(NUMBER));
#ifdef SYS_io_uring_setup
    missing(to, SYS_io_uring_setup);
#endif
}

/* Opening for writing, whose flags are argument `at`. */
static void no_writing(program *to, long number, unsigned at) {
    add(to, IF_EQUAL(number, 4));
    add(to, LOAD(ARGUMENT(at)));
    add(to, IF_ANY_BIT(WRITING, 1));
    add(to, FAIL(EPERM));
    add(to, LOAD(NUMBER));
}

/* A signal to itself is how abort() works; to others it is not a plugin's to send. */
static void signals_to_itself(program *to, long number) {
    add(to, IF_EQUAL(number, 4));
    add(to, LOAD(ARGUMENT(0)));
    add(to, IF_DIFFERS(getpid(), 1));
    add(to, FAIL(EPERM));
    add(to, LOAD(NUMBER));
}

static void strict(program *to) {
    static const long forbidden[] = {
        SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept4, SYS_tkill, SYS_unlinkat, SYS_renameat2, SYS_linkat,
        SYS_symlinkat, SYS_mkdirat, SYS_mknodat, SYS_fchmodat, SYS_fchmod, SYS_fchownat, SYS_fchown, SYS_truncate,
        SYS_setxattr, SYS_lsetxattr, SYS_removexattr,
#ifdef SYS_unlink
        SYS_accept, SYS_unlink, SYS_rmdir, SYS_rename, SYS_renameat, SYS_link, SYS_symlink, SYS_mkdir, SYS_mknod, SYS_creat,
        SYS_chmod, SYS_chown, SYS_lchown,
#endif
#ifdef SYS_pidfd_send_signal
        SYS_pidfd_send_signal, SYS_pidfd_open,
#endif
    };
    size_t i;
    for (i = 0; i < sizeof forbidden / sizeof *forbidden; i++) forbid(to, forbidden[i]);
    no_processes(to);
    no_writing(to, SYS_openat, 2);
#ifdef SYS_open
    no_writing(to, SYS_open, 1);
#endif
#ifdef SYS_openat2
    missing(to, SYS_openat2);
#endif
    signals_to_itself(to, SYS_kill);
    signals_to_itself(to, SYS_tgkill);
}

int seccomp_install(int profile, int without_network, int without_processes) {
#ifdef ARCHITECTURE
    program filter;
    struct sock_fprog loaded;
    filter.count = 0;
    begin(&filter);
    if (profile >= SECCOMP_PROFILE_STANDARD) standard(&filter);
    if (without_network) no_network(&filter);
    if (without_processes) no_processes(&filter);
    if (profile >= SECCOMP_PROFILE_STRICT) strict(&filter);
    add(&filter, ANSWER(SECCOMP_RET_ALLOW));
    if (filter.count > MAX_RULES) return E2BIG;
    loaded = (struct sock_fprog){filter.count, filter.rules};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded) ? errno : 0;
#else
    (void)profile, (void)without_network, (void)without_processes;
    return ENOSYS;
#endif
}
