// Every kind of virtual device starts, carries an echo request and its reply where it has another
// side, and stops. EAL starts once in a process, so each device has a process of its own; those
// that need a network namespace are skipped without the right to make one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <rte_interrupts.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "addr.h"
#include "dp_internal.h"
#include "link.h"
#include "vdev.h"
#include "wire.h"

#define GATEWAY 0x0a000001u
#define HOST    0x0a000002u

static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 9};

static struct dp *start(const char *device, unsigned workers, bool adaptive)
{
	struct dp_iface_config c = {.mtu = 1500, .up = true, .address = addr_v4(GATEWAY)};
	struct dp *dp = prepare(device, workers, adaptive);
	struct ip_addr host = addr_v4(HOST);

	if (dp_launch(dp))
		exit(1);
	c.network = prefix_make(&c.address, 24);
	if (dp_iface_set(dp, 0, &c) || dp_neighbour_set(dp, 0, &host, host_mac))
		exit(2);
	return dp;
}

// A device without such rules says why, and does its work without them.
static bool refuses_rules(const struct dp *dp, const char *reason)
{
	struct dp_port_steering says;

	dp_port_steering(dp, 0, &says);
	if (says.workers == 2 && says.kinds[0].asked && says.kinds[0].rules == 0 &&
	    strstr(says.kinds[0].refused, reason))
		return true;
	fprintf(stderr, "%u queues of %u workers, %u rules: \"%s\"\n", says.queues, says.workers,
	        says.kinds[0].rules, says.kinds[0].refused);
	return false;
}

static bool wait_for(const struct dp *dp, const char *name, uint64_t wanted)
{
	for (unsigned i = 0; i < 20000; i++) {
		if (wire_counter(dp, name) >= wanted)
			return true;
		usleep(1000);
	}
	fprintf(stderr, "%s is %lu\n", name, (unsigned long)wire_counter(dp, name));
	return false;
}

static void echo_request(struct frame *f, const uint8_t gateway_mac[6])
{
	struct wire w;
	uint8_t icmp[64];

	memcpy(w.gateway_mac, gateway_mac, 6);
	memcpy(w.host_mac, host_mac, 6);
	frame_ipv4(&w, f, HOST, GATEWAY, IPPROTO_ICMP, icmp, icmp_echo(icmp, sizeof(icmp)));
}

static bool is_reply(struct frame *f)
{
	return f->len >= 14 + 20 + 8 && frame_type(f) == RTE_ETHER_TYPE_IPV4 &&
	       memcmp(f->data, host_mac, 6) == 0 && frame_ip(f)->next_proto_id == IPPROTO_ICMP &&
	       frame_l4(f)[0] == 0;
}

// ---- the devices; each runs in a child, 0 = good -----------------------------------------------

static int child_null(void)
{
	struct dp *dp = start("net_null0,no-rx=1", 2, false);
	uint8_t frame[60] = {0xff};
	bool ok = dp_frame_send(dp, 0, frame, sizeof(frame)) == 0 &&
	          refuses_rules(dp, "not implemented");

	dp_stop(dp);
	return ok ? 0 : 3;
}

// What goes out of a ring comes in again.
static int child_ring(void)
{
	struct dp *dp = start("net_ring0", 2, true);
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};
	struct dp_view v;
	unsigned n = 0;

	if (dp_frame_send(dp, 0, frame, sizeof(frame)))
		return 3;
	for (unsigned i = 0; i < 20000 && n == 0; i++) {
		n = dp_punt_recv(dp, DP_PUNT_FRAME, &v, 1);
		usleep(1000);
	}
	if (n)
		dp_punt_release(dp, &v, n);
	dp_stop(dp);
	return n ? 0 : 4;
}

static void put_u32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static int child_pcap(void)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	char dir[] = "/tmp/vigil-test-XXXXXX", in[64], out[64], device[DP_DEVICE_MAX];
	struct frame f;
	struct dp *dp;
	FILE *file;
	bool ok;

	if (!mkdtemp(dir))
		return 3;
	snprintf(in, sizeof(in), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	echo_request(&f, broadcast);
	memset(f.data, 0xff, 6);
	f.data[12] = 8;
	f.data[13] = 6; // the port's MAC is not known yet: ARP
	file = fopen(in, "w");
	if (!file)
		return 3;
	put_u32(file, 0xa1b2c3d4);
	put_u32(file, 2 | 4 << 16);
	put_u32(file, 0);
	put_u32(file, 0);
	put_u32(file, 65535);
	put_u32(file, 1);
	put_u32(file, 0);
	put_u32(file, 0);
	put_u32(file, f.len);
	put_u32(file, f.len);
	fwrite(f.data, f.len, 1, file);
	fclose(file);
	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,tx_pcap=%s,infinite_rx=1", in, out);
	dp = start(device, 2, true);
	ok = wait_for(dp, "punted frames", 10);
	ok &= dp_frame_send(dp, 0, f.data, f.len) == 0 && wait_for(dp, "sent", 1);
	dp_stop(dp);
	unlink(in);
	unlink(out);
	rmdir(dir);
	return ok ? 0 : 4;
}

// Sends echo requests through a socket on `name` and waits for one reply.
static bool echo_through(struct dp *dp, const char *name)
{
	struct pollfd p = {.fd = open_socket(name), .events = POLLIN};
	struct dp_iface_info info;
	struct frame f;

	if (p.fd < 0)
		return false;
	dp_iface_info(dp, 0, &info);
	for (unsigned i = 0; i < 200; i++) {
		echo_request(&f, info.mac);
		if (i % 10 == 0 && write(p.fd, f.data, f.len) < 0)
			break;
		while (poll(&p, 1, 10) > 0) {
			ssize_t n = read(p.fd, f.data, sizeof(f.data));

			f.len = n > 0 ? (uint16_t)n : 0;
			if (is_reply(&f)) {
				close(p.fd);
				return true;
			}
		}
	}
	close(p.fd);
	return false;
}

static int af_packet(const char *device, unsigned workers)
{
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET))
		return SKIPPED;
	if (!run("ip link add gw0 type veth peer name host0 && ip link set gw0 up && "
	         "ip link set host0 up"))
		return SKIPPED;
	dp = start(device, workers, true);
	ok = echo_through(dp, "host0");
	dp_stop(dp);
	return ok ? 0 : 4;
}

static int child_af_packet(void)
{
	return af_packet("net_af_packet0,iface=gw0", 1);
}

// More workers than queues, and the other way round.
static int child_af_packet_workers(void)
{
	return af_packet("net_af_packet0,iface=gw0", 3);
}

static int child_af_packet_queues(void)
{
	return af_packet("net_af_packet0,iface=gw0,qpairs=3", 2);
}

// Does the link come to be so within three seconds, and the event say so?
static bool link_becomes(struct dp *dp, bool up)
{
	struct dp_event event;

	for (unsigned i = 0; i < 300; i++) {
		while (dp_events(dp, &event, 1))
			if (event.kind == DP_EVENT_LINK)
				return event.up == up;
		usleep(10000);
	}
	return false;
}

// The carrier of the other end is followed, each time with one event.
static int child_af_packet_link(void)
{
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || !run("ip link add gw0 type veth peer name host0 && "
	                                  "ip link set gw0 up && ip link set host0 up"))
		return SKIPPED;
	dp = start("net_af_packet0,iface=gw0", 1, true);
	ok = link_becomes(dp, true);
	for (unsigned i = 0; ok && i < 2; i++)
		ok = run("ip link set host0 down") && link_becomes(dp, false) &&
		     run("ip link set host0 up") && link_becomes(dp, true);
	dp_stop(dp);
	return ok ? 0 : 4;
}

// An interface that was deleted is lost, not down: one of the same name that is made later is
// another one, of which the sockets hear nothing.
static int child_af_packet_deleted(void)
{
	static const char make[] = "ip link add gw0 type veth peer name host0 && "
				   "ip link set gw0 up && ip link set host0 up";
	struct dp_iface_info info;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || !run(make))
		return SKIPPED;
	dp = start("net_af_packet0,iface=gw0", 1, true);
	ok = link_becomes(dp, true) && run("ip link set gw0 down") && link_becomes(dp, false) &&
	     !link_is_lost(dp, &dp->ifaces[0]) && run("ip link set gw0 up") &&
	     link_becomes(dp, true);
	ok = ok && run("ip link del gw0") && link_becomes(dp, false) &&
	     link_is_lost(dp, &dp->ifaces[0]);
	ok = ok && run(make) && !link_becomes(dp, true);
	dp_iface_info(dp, 0, &info);
	dp_stop(dp);
	return ok && !info.link_up ? 0 : 4;
}

static int child_tap(void)
{
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	dp = start("net_tap0,iface=vt0", 2, true);
	run("ip link set vt0 up");
	ok = echo_through(dp, "vt0") && refuses_rules(dp, "item");
	dp_stop(dp);
	return ok ? 0 : 4;
}

// A tap's link is that of its interface, whatever that is called and wherever it is.
static int child_tap_link(void)
{
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK) ||
	    !run("ip link add vt1 type veth peer name vt2"))
		return SKIPPED;
	dp = start("net_tap0,iface=vt0", 1, true);
	ok = run("ip link set vt0 up") && link_becomes(dp, true);
	ok = ok && run("ip link set vt0 down") && link_becomes(dp, false) &&
	     !link_is_lost(dp, &dp->ifaces[0]) && run("ip link set vt0 up") &&
	     link_becomes(dp, true);
	ok = ok && run("ip link set vt0 down") && link_becomes(dp, false) &&
	     run("ip link set vt0 name lan0 && ip link set lan0 up") && link_becomes(dp, true) &&
	     echo_through(dp, "lan0");
	// Another one with the name that it had.
	ok = ok && run("ip link set vt1 name vt0 && ip link set vt0 up && ip link set lan0 down") &&
	     link_becomes(dp, false);
	dp_stop(dp);
	return ok ? 0 : 4;
}

// Deleted it is lost, not down, like one of af_packet's.
static int child_tap_deleted(void)
{
	struct dp_iface_info info;
	struct dp *dp;
	bool ok;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	dp = start("net_tap0,iface=vt0", 1, true);
	ok = run("ip link set vt0 up") && link_becomes(dp, true);
	ok = ok && run("ip link del vt0") && link_becomes(dp, false) &&
	     link_is_lost(dp, &dp->ifaces[0]);
	ok = ok &&
	     run("ip link add vt0 type veth peer name vt1 && ip link set vt0 up && "
	         "ip link set vt1 up") &&
	     !link_becomes(dp, true);
	dp_iface_info(dp, 0, &info);
	dp_stop(dp);
	return ok && !info.link_up ? 0 : 4;
}

// Two ports of one driver on one interface of the kernel would each get a part of what comes in,
// and nobody could say which of them lost what: they are refused.
static bool is_refused(const char *first, const char *second)
{
	static const unsigned cpu;
	struct dp_port_config ports[2] = {{.name = "eth0"}, {.name = "eth1"}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = 2,
	                                 .worker_cpus = &cpu,
	                                 .n_workers = 1,
	                                 .memory_mb = 192,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	char err[256];
	struct dp *dp;

	snprintf(ports[0].device, sizeof(ports[0].device), "%s", first);
	snprintf(ports[1].device, sizeof(ports[1].device), "%s", second);
	dp = dp_prepare(&config, NULL, err, sizeof(err));
	if (dp) {
		fprintf(stderr, "it starts\n");
		dp_stop(dp);
		return false;
	}
	fprintf(stderr, "%s\n", err);
	return strstr(err, "eth0") && strstr(err, "eth1") && strstr(err, "vt0");
}

static int child_af_packet_shared(void)
{
	if (unshare(CLONE_NEWNET) || !run("ip link add vt0 type veth peer name vt1 && "
	                                  "ip link property add dev vt0 altname other && "
	                                  "ip link set vt0 up && ip link set vt1 up"))
		return SKIPPED;
	return is_refused("net_af_packet0,iface=vt0", "net_af_packet1,iface=other") ? 0 : 4;
}

static int child_tap_shared(void)
{
	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	return is_refused("net_tap0,iface=vt0", "net_tap1,iface=vt0") ? 0 : 4;
}

// ---- net_memif's end, whose other side goes at the same moment ---------------------------------

static void *unmapped_aside; // by DPDK's interrupt thread, which takes its time
static bool unmapped_twice;

// Also for the drivers (see meson.build).
int munmap(void *addr, size_t len)
{
	if (rte_thread_is_intr()) {
		__atomic_store_n(&unmapped_aside, addr, __ATOMIC_RELAXED);
		usleep(200000);
	} else if (addr && addr == __atomic_load_n(&unmapped_aside, __ATOMIC_RELAXED)) {
		unmapped_twice = true;
	}
	return (int)syscall(SYS_munmap, addr, len);
}

// The thread that ends the connection frees what closing the port frees: they must not meet.
static int child_memif_peer_leaves(void)
{
	static const uint8_t mac[6] = {2};
	char device[DP_DEVICE_MAX];
	struct wire w;
	struct dp *dp;

	wire_device(device, sizeof(device), 0);
	dp = prepare(device, 1, false);
	if (wire_open(&w, 0, mac) || !wire_wait_link(&w))
		return 3;
	rte_eth_dev_stop(w.port);
	for (unsigned i = 0; i < 5000; i++) {
		if (__atomic_load_n(&unmapped_aside, __ATOMIC_RELAXED))
			break;
		usleep(1000);
	}
	dp_stop(dp);
	return unmapped_aside && !unmapped_twice ? 0 : 4;
}

static int child_missing(void)
{
	static const unsigned cpu;
	struct dp_port_config port = {.name = "eth0", .device = "net_nothing0"};
	struct dp_config config = {.ports = &port,
	                           .n_ports = 1,
	                           .worker_cpus = &cpu,
	                           .n_workers = 1,
	                           .memory_mb = 192,
	                           .max_peers = 8,
	                           .max_tunnels = 8,
	                           .max_sas = 16,
	                           .max_ike_sas = 8};
	char err[256];

	if (dp_start(&config, NULL, err, sizeof(err)))
		return 3;
	if (!strstr(err, "eth0") && !strstr(err, "net_nothing0"))
		return 4;
	config.n_ports = 0;
	return dp_start(&config, NULL, err, sizeof(err)) ? 5 : 0;
}

// ---- one process for each ----------------------------------------------------------------------

static void test_af_packet_link(void **state)
{
	(void)state;
	in_a_process(child_af_packet_link);
}

static void test_af_packet_deleted(void **state)
{
	(void)state;
	in_a_process(child_af_packet_deleted);
}

static void test_null(void **state)
{
	(void)state;
	in_a_process(child_null);
}

static void test_ring(void **state)
{
	(void)state;
	in_a_process(child_ring);
}

static void test_pcap(void **state)
{
	(void)state;
	in_a_process(child_pcap);
}

static void test_af_packet(void **state)
{
	(void)state;
	in_a_process(child_af_packet);
}

static void test_af_packet_with_more_workers(void **state)
{
	(void)state;
	in_a_process(child_af_packet_workers);
}

static void test_af_packet_with_more_queues(void **state)
{
	(void)state;
	in_a_process(child_af_packet_queues);
}

static void test_tap(void **state)
{
	(void)state;
	in_a_process(child_tap);
}

static void test_tap_link(void **state)
{
	(void)state;
	in_a_process(child_tap_link);
}

static void test_tap_deleted(void **state)
{
	(void)state;
	in_a_process(child_tap_deleted);
}

static void test_af_packet_shared(void **state)
{
	(void)state;
	in_a_process(child_af_packet_shared);
}

static void test_tap_shared(void **state)
{
	(void)state;
	in_a_process(child_tap_shared);
}

static void test_memif_peer_leaves(void **state)
{
	(void)state;
	in_a_process(child_memif_peer_leaves);
}

static void test_missing_device_is_named(void **state)
{
	(void)state;
	in_a_process(child_missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_af_packet),
		cmocka_unit_test(test_af_packet_link),
		cmocka_unit_test(test_af_packet_deleted),
		cmocka_unit_test(test_af_packet_with_more_workers),
		cmocka_unit_test(test_af_packet_with_more_queues),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_tap_link),
		cmocka_unit_test(test_tap_deleted),
		cmocka_unit_test(test_af_packet_shared),
		cmocka_unit_test(test_tap_shared),
		cmocka_unit_test(test_memif_peer_leaves),
		cmocka_unit_test(test_missing_device_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
