/* A list of calls as a program of BPF. What is not in it raises SIGSYS, whose handler
 * notes the call and lets it fail. */
#include "jq/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#else
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#define MAX 192

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_writev,
	SYS_recvmsg,
	SYS_brk,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_futex,
	SYS_getrandom,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigaction,
	SYS_getpid,
	SYS_gettid,
	SYS_exit,
	SYS_exit_group,
	SYS_clock_gettime,
	SYS_sched_yield,
	SYS_restart_syscall,
#if defined __SANITIZE_ADDRESS__ /* what the sanitizer asks for besides */
	SYS_sigaltstack,
	SYS_getrlimit,
	SYS_prlimit64,
	SYS_set_robust_list,
#endif
};

static const int for_templates[] = {
	SYS_tgkill, /* of its copies too, which have a filter of their own besides */
	SYS_clone, SYS_close, SYS_prctl, SYS_seccomp, SYS_prlimit64, SYS_dup3};

static const int of_files[] = {SYS_openat, SYS_newfstatat, SYS_readlinkat, SYS_faccessat,
#if defined __x86_64__
	SYS_open, SYS_stat, SYS_lstat, SYS_readlink, SYS_access,
#endif
	SYS_statx};

static volatile sig_atomic_t refused;

static void on_refused(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	(void)number;
	refused = info->si_syscall;
#if defined __x86_64__
	uc->uc_mcontext.gregs[REG_RAX] = -EPERM;
#else
	uc->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#endif
}

int jqfilter_refused(void)
{
	return refused;
}

struct filter {
	struct sock_filter code[MAX];
	unsigned short n;
};

static void put(struct filter *f, struct sock_filter one)
{
	if (f->n < MAX)
		f->code[f->n++] = one;
}

static void put_load(struct filter *f, size_t offset)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void put_end(struct filter *f, unsigned what)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

static void put_calls(struct filter *f, const int *calls, size_t n, unsigned what)
{
	for (size_t i = 0; i < n; i++) {
		put(f, (struct sock_filter)BPF_JUMP(
			       BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1));
		put_end(f, what);
	}
}

/* Memory, but none whose content can be executed. */
static void put_memory(struct filter *f, int call)
{
	put(f, (struct sock_filter)BPF_JUMP(
		       BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4));
	put_load(f, offsetof(struct seccomp_data, args[2]));
	put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
	put_end(f, SECCOMP_RET_ALLOW);
	put_end(f, SECCOMP_RET_ERRNO | EPERM);
}

/* An assertion ends a process by a signal to itself; others get none. */
static void put_own_signals(struct filter *f)
{
	put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4));
	put_load(f, offsetof(struct seccomp_data, args[0]));
	put(f, (struct sock_filter)BPF_JUMP(
		       BPF_JMP | BPF_JEQ | BPF_K, (unsigned)getpid(), 0, 1));
	put_end(f, SECCOMP_RET_ALLOW);
	put_end(f, SECCOMP_RET_ERRNO | EPERM);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

bool jqfilter_install(enum jqfilter_for whom)
{
	struct filter f = {.n = 0};
	struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
	put_load(&f, offsetof(struct seccomp_data, arch));
	put(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0));
	put_end(&f, SECCOMP_RET_KILL_PROCESS);
	put_load(&f, offsetof(struct seccomp_data, nr));
	put_calls(&f, allowed, COUNT(allowed), SECCOMP_RET_ALLOW);
	put_memory(&f, SYS_mmap);
	put_memory(&f, SYS_mprotect);
	if (whom == JQFILTER_COPY)
		put_own_signals(&f);
	else
		put_calls(&f, for_templates, COUNT(for_templates), SECCOMP_RET_ALLOW);
	put_calls(&f, of_files, COUNT(of_files), SECCOMP_RET_ERRNO | ENOENT);
	put_end(&f, SECCOMP_RET_TRAP);
	struct sock_fprog program = {.len = f.n, .filter = f.code};
	return f.n < MAX && sigaction(SIGSYS, &action, NULL) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
