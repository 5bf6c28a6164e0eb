// What virtual devices lose before the workers have it, as the kernel says it: each device in a
// process of its own, which is skipped without the right to make a network namespace.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vdev.h"

// Sends frames through `name` that nobody takes at the other end.
static bool flood(const char *name, unsigned n)
{
	static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8};
	int fd = open_socket(name);

	for (; fd >= 0 && n; n--)
		if (write(fd, frame, sizeof(frame)) != sizeof(frame))
			break;
	close(fd);
	return fd >= 0 && n == 0;
}

// Does what the port lost come to be at least so much, as DPD and `show interfaces` see it? It
// never falls.
static bool lost_becomes(const struct dp *dp, uint64_t *seen, uint64_t wanted)
{
	struct dp_iface_info info;

	for (unsigned i = 0; i < 2000; i++) {
		uint64_t now = dp_punt_losses(dp, 0);

		dp_iface_info(dp, 0, &info);
		if (now < *seen || info.rx_missed < now)
			return false;
		*seen = now;
		if (now >= wanted)
			return true;
		usleep(10000);
	}
	fprintf(stderr, "lost: %lu of %lu\n", (unsigned long)*seen, (unsigned long)wanted);
	return false;
}

// A worker that does not get to its port: what overflows the rings of its sockets, of 512 frames
// each unless told otherwise, is seen.
static int child_af_packet_losses(void)
{
	uint64_t seen = 0;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || !run("ip link add gw0 type veth peer name host0 && "
	                                  "ip link set gw0 up && ip link set host0 up"))
		return SKIPPED;
	dp = prepare("net_af_packet0,iface=gw0,qpairs=2", 1, false);
	ok = lost_becomes(dp, &seen, 0) && flood("host0", 3000) &&
	     lost_becomes(dp, &seen, 3000 - 2 * 512);
	for (unsigned i = 0; ok && i < 3; i++)
		ok = flood("host0", 100) && lost_becomes(dp, &seen, seen + 100);
	dp_stop(dp);
	return ok && seen < 3000 + 300 + 500 ? 0 : 4;
}

// A tap's queue in the kernel is as long as its interface's (txqueuelen, 1000). What it has no room
// for while the worker is elsewhere is seen, also under another name.
static int child_tap_losses(void)
{
	uint64_t seen = 0;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	dp = prepare("net_tap0,iface=vt0", 1, false);
	ok = run("ip link set vt0 up") && lost_becomes(dp, &seen, 0) && flood("vt0", 3000) &&
	     lost_becomes(dp, &seen, 3000 - 1000);
	ok = ok && run("ip link set vt0 down && ip link set vt0 name lan0 && ip link set lan0 up");
	for (unsigned i = 0; ok && i < 3; i++)
		ok = flood("lan0", 100) && lost_becomes(dp, &seen, seen + 100);
	ok = ok && run("ip link del lan0") && lost_becomes(dp, &seen, seen);
	dp_stop(dp);
	return ok && seen < 3000 + 300 + 500 ? 0 : 4;
}

// The namespace's own sysfs at /sys, as in a container, with what it has just now.
static bool mount_sys(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("sysfs", "/sys", "sysfs", 0, NULL) == 0;
}

// May mount nothing any more.
static bool drop_admin(void)
{
	struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &who, caps))
		return false;
	caps[0].effective &= ~(1u << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &who, caps) == 0;
}

#define COUNTERS "/sys/class/net/gw0/statistics/"

static bool say(const char *path, unsigned n)
{
	FILE *f = fopen(path, "w");

	return f && fprintf(f, "%u\n", n) > 0 && fclose(f) == 0;
}

static uint64_t counter(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

// No device that can be made here overruns, so a file is mounted over a counter of a veth's end.
// What it says is the port's loss, also once its driver has begun anew.
static int child_af_packet_overrun(void)
{
	char file[] = "/tmp/vigil-test-XXXXXX";
	uint64_t seen = 0;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) ||
	    !run("ip link add gw0 type veth peer name host0 && ip link set gw0 up && "
	         "ip link set host0 up") ||
	    !mount_sys() || mkstemp(file) < 0 || !say(file, 1000) ||
	    mount(file, COUNTERS "rx_missed_errors", NULL, MS_BIND, NULL) || !drop_admin())
		return SKIPPED;
	dp = prepare("net_af_packet0,iface=gw0", 1, false);
	ok = lost_becomes(dp, &seen, 0) && seen == 0;
	ok = ok && say(file, 1007) && lost_becomes(dp, &seen, 7) && seen == 7;
	ok = ok && say(file, 0) && lost_becomes(dp, &seen, 7) && seen == 7;
	ok = ok && say(file, 2) && lost_becomes(dp, &seen, 9) && seen == 9;
	dp_stop(dp);
	unlink(file);
	return ok ? 0 : 4;
}

// LLDP with a VLAN tag: the port has it, after which the kernel, which has no use for it, says that
// the device dropped it. A neighbour's daemon that goes on so hides no death.
static int child_af_packet_unwanted(void)
{
	static const uint8_t frame[60] = {1, 0x80, 0xc2, 0,    0, 0x0e, 2, 0,    0,
	                                  0, 0,    9,    0x81, 0, 0,    5, 0x88, 0xcc};
	uint64_t before;
	struct dp *dp;
	bool ok;
	int fd;

	if (unshare(CLONE_NEWNET) ||
	    !run("ip link add gw0 type veth peer name host0 && ip link set gw0 up && "
	         "ip link set host0 up") ||
	    !mount_sys())
		return SKIPPED;
	dp = prepare("net_af_packet0,iface=gw0", 1, false);
	before = counter(COUNTERS "rx_dropped");
	fd = open_socket("host0");
	ok = fd >= 0 && dp->ifaces[0].netdev;
	for (unsigned i = 0; ok && i < 100; i++)
		ok = write(fd, frame, sizeof(frame)) == sizeof(frame);
	for (unsigned i = 0; ok && i < 100 && counter(COUNTERS "rx_dropped") < before + 100; i++)
		usleep(10000);
	ok = ok && counter(COUNTERS "rx_dropped") >= before + 100 && dp_punt_losses(dp, 0) == 0;
	close(fd);
	dp_stop(dp);
	return ok ? 0 : 4;
}

static int child_tap_in_a_container(void)
{
	uint64_t seen = 0;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK) || !mount_sys() ||
	    !drop_admin())
		return SKIPPED;
	dp = prepare("net_tap0,iface=vt0", 1, false);
	ok = run("ip link set vt0 up") && lost_becomes(dp, &seen, 0) && flood("vt0", 3000) &&
	     lost_becomes(dp, &seen, 3000 - 1000);
	dp_stop(dp);
	return ok ? 0 : 4;
}

// /sys is another namespace's, with an interface of the same name and number: it is not taken for
// the port's.
static int child_tap_with_a_foreign_sys(void)
{
	struct dp *dp;
	bool ok;

	// The file keeps the namespace.
	if (unshare(CLONE_NEWNET) || open("/proc/self/ns/net", O_RDONLY) < 0 ||
	    access("/dev/net/tun", R_OK | W_OK) ||
	    !run("ip link add vt0 index 2 type veth peer name vt1 index 3") || !mount_sys() ||
	    unshare(CLONE_NEWNET) || !drop_admin())
		return SKIPPED;
	dp = prepare("net_tap0,iface=vt0", 1, false);
	ok = access("/sys/class/net/vt0", F_OK) == 0 && !dp->ifaces[0].tap;
	dp_stop(dp);
	return ok ? 0 : 4;
}

static void test_af_packet_losses(void **state)
{
	(void)state;
	in_a_process(child_af_packet_losses);
}

static void test_af_packet_overrun(void **state)
{
	(void)state;
	in_a_process(child_af_packet_overrun);
}

static void test_af_packet_unwanted(void **state)
{
	(void)state;
	in_a_process(child_af_packet_unwanted);
}

static void test_tap_losses(void **state)
{
	(void)state;
	in_a_process(child_tap_losses);
}

static void test_tap_in_a_container(void **state)
{
	(void)state;
	in_a_process(child_tap_in_a_container);
}

static void test_tap_with_a_foreign_sys(void **state)
{
	(void)state;
	in_a_process(child_tap_with_a_foreign_sys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_af_packet_losses),
		cmocka_unit_test(test_af_packet_overrun),
		cmocka_unit_test(test_af_packet_unwanted),
		cmocka_unit_test(test_tap_losses),
		cmocka_unit_test(test_tap_in_a_container),
		cmocka_unit_test(test_tap_with_a_foreign_sys),
	};

	return cmocka_run_group_tests_name("vdev_losses", tests, NULL, NULL);
}
