// Frames that are not one small untagged piece: jumbo frames with and without memory for large
// packets, and VLANs. EAL starts once in a process, so each dataplane has a process of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "addr.h"
#include "pool.h"
#include "wire.h"

#define GATEWAY  0x0a000001u
#define HOST     0x0a000002u
#define SKIPPED  77
#define JUMBO    9000
#define MB_BIG   640 // enough for large packets everywhere
#define MB_TIGHT 192 // not enough
#define TAG      4u

static struct dp *dp;
static struct wire wire;

static struct dp *start(const char *device, unsigned memory_mb, uint16_t mtu, bool vlans)
{
	static const unsigned cpus[2];
	struct dp_port_config port = {.name = "eth0", .mtu = mtu, .vlans = vlans};
	const struct dp_config config = {.ports = &port,
	                                 .n_ports = 1,
	                                 .worker_cpus = cpus,
	                                 .n_workers = 2,
	                                 .memory_mb = memory_mb,
	                                 .idle_adaptive = true,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	char err[256];

	snprintf(port.device, sizeof(port.device), "%s", device);
	dp = dp_start(&config, NULL, err, sizeof(err));
	if (!dp) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	return dp;
}

static void set_iface(uint16_t iface, uint32_t address, uint16_t mtu, bool up, const uint8_t mac[6])
{
	struct dp_iface_config c = {.mtu = mtu, .up = up, .address = addr_v4(address)};
	struct ip_addr host = addr_v4(address + 1);

	c.network = prefix_make(&c.address, 24);
	if (dp_iface_set(dp, iface, &c) || dp_neighbour_set(dp, iface, &host, mac)) {
		fprintf(stderr, "interface %u cannot be set\n", iface);
		exit(2);
	}
}

static void start_memif(unsigned memory_mb, uint16_t mtu)
{
	char device[DP_DEVICE_MAX];
	uint8_t mac[6];

	wire_device(device, sizeof(device), 0);
	start(device, memory_mb, mtu, true);
	dp_iface_mac(dp, 0, mac);
	if (wire_open(&wire, 0, mac) || !wire_wait_link(&wire)) {
		fprintf(stderr, "memif does not come up\n");
		exit(2);
	}
	set_iface(0, GATEWAY, mtu, true, wire.host_mac);
}

static void stop_memif(void)
{
	wire_close(&wire);
	dp_stop(dp);
}

// Sends a frame of any length, as a chain of small pieces.
static bool send_long(const struct frame *f)
{
	struct rte_mbuf *head = NULL, *m;

	for (uint16_t at = 0, n; at < f->len; at = (uint16_t)(at + n)) {
		n = RTE_MIN(f->len - at, 1500);
		m = rte_pktmbuf_alloc(wire.pool);
		if (!m)
			return false;
		memcpy(rte_pktmbuf_append(m, n), f->data + at, n);
		if (!head)
			head = m;
		else if (rte_pktmbuf_chain(head, m))
			return false;
	}
	return rte_eth_tx_burst(wire.port, 0, &head, 1) == 1;
}

static void echo(struct frame *f, uint32_t src, uint32_t dst, uint16_t ip_len)
{
	static uint8_t icmp[WIRE_FRAME_MAX];

	frame_ipv4(&wire, f, src, dst, IPPROTO_ICMP, icmp, icmp_echo(icmp, ip_len - 20));
}

static bool is_reply(struct frame *f, uint16_t ip_len)
{
	static uint8_t icmp[WIRE_FRAME_MAX];

	icmp_echo(icmp, ip_len - 20);
	return f->len == RTE_ETHER_HDR_LEN + ip_len && frame_type(f) == RTE_ETHER_TYPE_IPV4 &&
	       frame_l4(f)[0] == 0 && memcmp(frame_l4(f) + 4, icmp + 4, ip_len - 24u) == 0;
}

// ---- jumbo frames ------------------------------------------------------------------------------

// Frames of every length up to the MTU come back whole.
static bool jumbo_echoes(void)
{
	static const uint16_t lengths[] = {28, 1500, 2000, 2048, 4096, 8999, 9000};
	struct frame f;

	for (unsigned i = 0; i < RTE_DIM(lengths); i++) {
		echo(&f, HOST, GATEWAY, lengths[i]);
		if (!send_long(&f) || !wire_recv(&wire, &f, 20000) || !is_reply(&f, lengths[i])) {
			fprintf(stderr, "no echo of %u bytes\n", lengths[i]);
			return false;
		}
	}
	return true;
}

static int child_jumbo(void)
{
	bool ok;

	start_memif(MB_BIG, JUMBO);
	// Large packets: nothing is copied, and a longer MTU is refused.
	ok = jumbo_echoes() && dp_iface_mtu_max(dp, 0) == JUMBO && wire_counter(dp, "joined") == 0;
	stop_memif();
	return ok ? 0 : 3;
}

static int child_tight(void)
{
	struct dp_iface_info info;
	bool ok;

	start_memif(MB_TIGHT, JUMBO);
	dp_iface_info(dp, 0, &info);
	ok = jumbo_echoes() && info.mtu_max == POOL_MTU_MAX && wire_counter(dp, "joined") == 4;
	stop_memif();
	return ok ? 0 : 3;
}

// A frame in more and longer pieces than any packet has room for is counted, and no harm is done.
static int child_too_long(void)
{
	struct rte_mbuf *head = NULL, *m;
	struct frame f;
	bool ok;

	start_memif(MB_BIG, 1500);
	echo(&f, HOST, GATEWAY, 1500);
	for (unsigned i = 0; i < 20; i++) {
		m = rte_pktmbuf_alloc(wire.pool);
		memcpy(rte_pktmbuf_append(m, 1000), f.data, 1000);
		if (!head)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	ok = rte_eth_tx_burst(wire.port, 0, &head, 1) == 1;
	for (unsigned i = 0; i < 20000 && wire_counter(dp, "drop too-long") == 0; i++)
		usleep(1000);
	ok &= wire_counter(dp, "drop too-long") == 1;
	echo(&f, HOST, GATEWAY, 1500);
	ok &= send_long(&f) && wire_recv(&wire, &f, 20000) && is_reply(&f, 1500);
	stop_memif();
	return ok ? 0 : 3;
}

// ---- echoes of its own --------------------------------------------------------------------------

// The host's answer to an echo of ours, with another identifier if `id` says so.
static bool answer(struct frame *f, uint16_t id)
{
	uint8_t *icmp = frame_l4(f);
	uint16_t len = (uint16_t)(f->len - RTE_ETHER_HDR_LEN - sizeof(struct rte_ipv4_hdr)), sum;
	uint8_t copy[256];

	if (len > sizeof(copy))
		return false;
	icmp[0] = 0;
	icmp[4] ^= (uint8_t)(id >> 8);
	icmp[5] ^= (uint8_t)id;
	icmp[2] = icmp[3] = 0;
	sum = (uint16_t)~rte_raw_cksum(icmp, len);
	memcpy(icmp + 2, &sum, 2);
	memcpy(copy, icmp, len);
	frame_ipv4(&wire, f, HOST, GATEWAY, IPPROTO_ICMP, copy, len);
	return wire_send(&wire, f);
}

static bool next_event(struct dp_event *event)
{
	for (unsigned i = 0; i < 20000; i++, usleep(1000))
		while (dp_events(dp, event, 1))
			if (event->kind == DP_EVENT_ECHO)
				return true;
	return false;
}

static int child_own_echoes(void)
{
	struct dp_echo e = {.src = addr_v4(GATEWAY),
	                    .dst = addr_v4(HOST),
	                    .sequence = 7,
	                    .size = 100,
	                    .df = true};
	struct dp_event event;
	struct frame f;
	bool ok;

	start_memif(MB_BIG, 1500);
	ok = dp_echo_send(dp, &e) == 0 && wire_recv(&wire, &f, 20000) &&
	     f.len == RTE_ETHER_HDR_LEN + 100 && frame_checksum_ok(&f) && frame_l4(&f)[0] == 8 &&
	     rte_raw_cksum(frame_l4(&f), 80) == 0xffff && frame_l4(&f)[7] == 7 &&
	     frame_ip(&f)->fragment_offset == rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	// An answer to somebody else, then one to us.
	ok = ok && answer(&f, 0x100) && wire_send(&wire, &f) && answer(&f, 0x100) &&
	     next_event(&event) && event.port == 7 && addr_v4_host(&event.addr) == HOST;
	ok = ok && wire_counter(dp, "icmp echo answers heard") == 1 &&
	     wire_counter(dp, "drop local-icmp") == 2;
	e.size = 27;
	ok = ok && dp_echo_send(dp, &e) == -EMSGSIZE;
	e.size = 100;
	e.dst = addr_v4(0x0b000001);
	ok = ok && dp_echo_send(dp, &e) == -EHOSTUNREACH;
	stop_memif();
	return ok ? 0 : 3;
}

// ---- VLANs -------------------------------------------------------------------------------------

static void tag(struct frame *f, uint16_t vlan)
{
	memmove(f->data + 12 + TAG, f->data + 12, f->len - 12u);
	f->data[12] = 0x81;
	f->data[13] = 0;
	f->data[14] = (uint8_t)(vlan >> 8 | 0x60); // with a priority
	f->data[15] = (uint8_t)vlan;
	f->len = (uint16_t)(f->len + TAG);
}

// The VLAN of a frame, 0 = no tag; the tag is taken off.
static uint16_t untag(struct frame *f)
{
	uint16_t vlan = (uint16_t)(f->data[14] << 8 | f->data[15]) & 0xfff;

	if (frame_type(f) != RTE_ETHER_TYPE_VLAN)
		return 0;
	memmove(f->data + 12, f->data + 12 + TAG, f->len - 12u - TAG);
	f->len = (uint16_t)(f->len - TAG);
	return vlan;
}

// An echo in VLAN `vlan` (0: no tag) to this gateway address; answered with a tag of VLAN `back`?
static bool answered(uint32_t gateway, uint16_t vlan, uint16_t back)
{
	struct frame f;

	echo(&f, gateway + 1, gateway, 84);
	if (vlan)
		tag(&f, vlan & 0xfff);
	if (!send_long(&f) || !wire_recv(&wire, &f, 10000))
		return false;
	return untag(&f) == back && is_reply(&f, 84);
}

static bool dropped(uint32_t gateway, uint16_t vlan, const char *name)
{
	uint64_t before = wire_counter(dp, name);
	struct frame f;

	echo(&f, gateway + 1, gateway, 84);
	if (vlan)
		tag(&f, vlan);
	if (!send_long(&f))
		return false;
	for (unsigned i = 0; i < 10000 && wire_counter(dp, name) == before; i++)
		usleep(1000);
	return wire_counter(dp, name) == before + 1 && !wire_recv(&wire, &f, 20);
}

#define EXPECT(x)                                                                                  \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "line %d: %s\n", __LINE__, #x);                            \
			return 3;                                                                  \
		}                                                                                  \
	} while (0)

static uint16_t vlan_add(uint16_t vlan, bool native)
{
	const struct dp_vlan_config c = {.name = "eth0.1", .vlan = vlan, .native = native};
	uint16_t iface = UINT16_MAX;

	return dp_vlan_add(dp, &c, &iface) ? UINT16_MAX : iface;
}

static int child_vlans(void)
{
	const uint32_t a = GATEWAY, b = GATEWAY + 0x100, c = GATEWAY + 0x200;
	struct dp_iface_info info;
	uint16_t v100, v200;

	start_memif(MB_BIG, 1500);
	EXPECT(answered(a, 0, 0));
	EXPECT(dropped(a, 100, "drop vlan")); // no subinterface yet
	v100 = vlan_add(100, false);
	EXPECT(v100 == 1);
	EXPECT(dropped(b, 100, "drop interface-down"));
	set_iface(v100, b, 1500, true, wire.host_mac);
	EXPECT(answered(a, 0, 0));
	EXPECT(answered(b, 100, 100));
	EXPECT(answered(a, 100, 0)); // what comes in here goes out there, by the routes
	EXPECT(dropped(b, 101, "drop vlan"));
	EXPECT(vlan_add(100, false) == UINT16_MAX); // taken
	EXPECT(vlan_add(4095, false) == UINT16_MAX && vlan_add(0, false) == UINT16_MAX);
	dp_iface_info(dp, v100, &info);
	EXPECT(info.rx_packets == 3 && info.tx_packets == 1 && info.tx_bytes == 98);
	// Frames without a tag are the native VLAN's from now on.
	v200 = vlan_add(200, true);
	set_iface(v200, c, 1500, true, wire.host_mac);
	EXPECT(answered(c, 0, 0));
	EXPECT(answered(c, 200, 0));
	dp_iface_info(dp, v200, &info);
	EXPECT(info.rx_packets == 2 && info.tx_packets == 2);
	// An ARP question in a VLAN is heard as its interface's, and one asks back there.
	dp_vlan_del(dp, v200);
	EXPECT(answered(a, 0, 0));
	EXPECT(dropped(c, 200, "drop vlan"));
	dp_vlan_del(dp, v100);
	EXPECT(dropped(b, 100, "drop vlan"));
	// Their numbers are free again only when no packet can know them.
	EXPECT(vlan_add(100, false) == 3);
	for (uint16_t i = 4; i < DP_IFACES_MAX; i++)
		EXPECT(vlan_add(1000 + i, false) == i);
	EXPECT(vlan_add(101, false) == UINT16_MAX);
	for (unsigned days = 300; days <= 400; days += 100) { // half of all ticks are 248
		dp->ifaces[v100].gone_since = dp_now(dp) - days * 24 * 3600 * TICKS_PER_SECOND;
		EXPECT(vlan_add((uint16_t)days, false) == v100);
		dp_vlan_del(dp, v100);
		EXPECT(vlan_add(101, false) == UINT16_MAX);
	}
	stop_memif();
	return 0;
}

// ARP in a VLAN comes up with the subinterface's number and without its tag, and goes out with one.
static int child_vlan_arp(void)
{
	struct frame f = {.len = 60, .data = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct dp_view v;
	unsigned n = 0;
	uint16_t iface;

	start_memif(MB_BIG, 1500);
	iface = vlan_add(7, false);
	set_iface(iface, GATEWAY + 0x100, 1500, true, wire.host_mac);
	memcpy(f.data + 6, wire.host_mac, 6);
	f.data[12] = 8;
	f.data[13] = 6;
	tag(&f, 7);
	EXPECT(send_long(&f));
	for (unsigned i = 0; i < 10000 && n == 0; i++, usleep(1000))
		n = dp_punt_recv(dp, DP_PUNT_FRAME, &v, 1);
	EXPECT(n == 1 && v.iface == iface && v.len == 60 && v.data[12] == 8 && v.data[13] == 6);
	EXPECT(dp_frame_send(dp, iface, v.data, v.len) == 0);
	dp_punt_release(dp, &v, 1);
	EXPECT(wire_recv(&wire, &f, 10000) && untag(&f) == 7 && f.len == 60);
	stop_memif();
	return 0;
}

// A frame of the control core's with a number, by the port or by its VLAN.
static void number(struct frame *f, uint32_t n)
{
	memset(f, 0, sizeof(*f));
	f->len = 60;
	frame_ether(&wire, f, RTE_ETHER_TYPE_ARP);
	memcpy(f->data + 20, &n, sizeof(n));
}

// What a port and its ring do not hold is refused, and nothing that was taken is lost, or overtaken
// by another of its interface.
static int child_full_port(void)
{
	struct frame f, wanted;
	uint32_t next[2] = {0, 1}, n = 0;
	uint16_t iface;
	int rc;

	start_memif(MB_BIG, 1500);
	iface = vlan_add(7, false);
	set_iface(iface, GATEWAY + 0x100, 1500, true, wire.host_mac);
	for (unsigned refused = 0; refused < 100 && n < 20000;) {
		number(&f, n);
		rc = dp_frame_send(dp, n % 2 ? iface : 0, f.data, f.len);
		EXPECT(rc == 0 || rc == -EAGAIN);
		n += rc == 0;
		refused = rc ? refused + 1 : 0;
		if (rc)
			usleep(1000);
	}
	EXPECT(n > 4095 + 256 && n < 20000); // the ring, the port, and what is kept between them
	for (uint32_t i = 0; i < n; i++) {
		unsigned vlan;

		EXPECT(wire_recv(&wire, &f, 10000));
		vlan = frame_type(&f) == RTE_ETHER_TYPE_VLAN;
		EXPECT(!vlan || untag(&f) == 7);
		number(&wanted, next[vlan]);
		EXPECT(f.len == 60 && memcmp(f.data, wanted.data, 60) == 0);
		next[vlan] += 2;
	}
	EXPECT(wire_counter(dp, "drop tx-full") == 0);
	EXPECT(dp_frame_send(dp, 0, f.data, 60) == 0 && wire_recv(&wire, &f, 10000));
	stop_memif();
	return 0;
}

// A priority is no VLAN, a second tag is nothing we know.
static int child_priority(void)
{
	struct frame f;

	start_memif(MB_BIG, 1500);
	EXPECT(answered(GATEWAY, 0x1000, 0));
	echo(&f, HOST, GATEWAY, 84);
	tag(&f, 0);
	tag(&f, 0);
	EXPECT(send_long(&f) && !wire_recv(&wire, &f, 50) && wire_counter(dp, "drop vlan") == 1);
	stop_memif();
	return 0;
}

// The next frame of an AF_PACKET socket and the VLAN that the kernel took off it, 0 = none.
static uint16_t socket_recv(int fd, struct frame *f)
{
	struct iovec data = {.iov_base = f->data, .iov_len = sizeof(f->data)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct msghdr msg = {.msg_iov = &data,
	                     .msg_iovlen = 1,
	                     .msg_control = &control,
	                     .msg_controllen = sizeof(control)};
	struct tpacket_auxdata aux;
	ssize_t n = recvmsg(fd, &msg, 0);

	f->len = n > 0 ? (uint16_t)n : 0;
	if (n <= 0 || !CMSG_FIRSTHDR(&msg))
		return 0;
	memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(aux));
	return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci & 0xfff : 0;
}

// The other end of a veth; AF_PACKET takes tags off frames and says them beside.
static int af_packet(bool vlans)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = 0x0300};
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct pollfd p = {.events = POLLIN};
	struct dp_iface_info info;
	bool ok = false;
	struct frame f;
	uint16_t iface;
	int one = 1;

	if (unshare(CLONE_NEWNET) ||
	    system("ip link add gw0 type veth peer name host0 && ip link set gw0 up && "
	           "ip link set host0 up"))
		return SKIPPED;
	start("net_af_packet0,iface=gw0", MB_BIG, 1500, vlans);
	iface = vlan_add(5, false);
	set_iface(iface, GATEWAY, 1500, true, mac);
	p.fd = socket(AF_PACKET, SOCK_RAW, 0x0300);
	to.sll_ifindex = (int)if_nametoindex("host0");
	EXPECT(p.fd >= 0 && bind(p.fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	       setsockopt(p.fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) == 0);
	dp_iface_info(dp, iface, &info);
	memcpy(wire.gateway_mac, info.mac, 6);
	memcpy(wire.host_mac, mac, 6);
	for (unsigned i = 0; i < 200 && !ok; i++) {
		echo(&f, HOST, GATEWAY, 84);
		tag(&f, 5);
		if (i % 10 == 0 && write(p.fd, f.data, f.len) < 0)
			break;
		while (!ok && poll(&p, 1, 10) > 0)
			ok = socket_recv(p.fd, &f) == 5 && is_reply(&f, 84);
	}
	dp_stop(dp);
	return ok ? 0 : 4;
}

static int child_stripped(void)
{
	return af_packet(true);
}

static int child_not_stripped(void)
{
	return af_packet(false);
}

// ---- links -------------------------------------------------------------------------------------

// The next event about a link within 20 s: 1 = up, 0 = down, -1 = there was none.
static int link_event(void)
{
	struct dp_event ev;

	for (unsigned i = 0; i < 20000; i++, usleep(1000))
		if (dp_events(dp, &ev, 1) && ev.kind == DP_EVENT_LINK)
			return ev.iface == 0 ? ev.up : -1;
	return -1;
}

// memif's link is its connection.
static int child_link(void)
{
	struct dp_iface_info info;

	start_memif(MB_BIG, 1500);
	EXPECT(link_event() == 1);
	dp_iface_info(dp, 0, &info);
	EXPECT(info.link_up);
	wire_close(&wire);
	EXPECT(link_event() == 0);
	dp_iface_info(dp, 0, &info);
	EXPECT(!info.link_up);
	dp_stop(dp);
	return 0;
}

// tap's is its interface's.
static int child_link_of_tap(void)
{
	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	start("net_tap0,iface=vt0", MB_BIG, 1500, false);
	EXPECT(link_event() == 1);
	EXPECT(system("ip link set vt0 down") == 0 && link_event() == 0);
	EXPECT(system("ip link set vt0 up") == 0 && link_event() == 1);
	dp_stop(dp);
	return 0;
}

// ---- memory ------------------------------------------------------------------------------------

static void test_memory_goes_by_the_mtu(void **state)
{
	struct pool_plan p;

	(void)state;
	// The usual MTU takes what it took before there were jumbo frames.
	assert_int_equal(pool_plan_make(13312, 1500, 1, 512, true, &p), 0);
	assert_int_equal(p.room, POOL_ROOM_SMALL);
	assert_int_equal(p.n, 13312);
	assert_int_equal(p.n_big, 256);
	assert_false(p.scatter);
	assert_int_equal(p.mtu, POOL_MTU_SMALL);
	// With memory large packets; without it pieces, or fewer where the port knows no pieces.
	assert_int_equal(pool_plan_make(13312, 9000, 1, 512, true, &p), 0);
	assert_true(p.room >= 9000 + 14 + 8 + 4 + POOL_TAIL && p.n == 13312 && !p.scatter);
	assert_int_equal(p.mtu, 9000);
	assert_int_equal(pool_plan_make(13312, 9000, 1, 128, true, &p), 0);
	assert_true(p.room == POOL_ROOM_SMALL && p.scatter && p.n_big > 256);
	assert_int_equal(pool_plan_make(13312, 9000, 1, 128, false, &p), 0);
	assert_true(p.room > 9000 && !p.scatter && p.n < 13312);
	assert_int_equal(pool_plan_make(13312, 9000, 1, 64, false, &p), -ENOMEM);
	// All nodes together stay within it.
	assert_int_equal(pool_plan_make(13312, 1500, 2, 128, true, &p), 0);
	assert_true(2ull * p.n * (p.room + 400) <= 128ull * 1024 * 1024 / 3 * 1.1);
}

// ---- one process for each ----------------------------------------------------------------------

static void in_a_process(void **state)
{
	int (*child)(void) = (int (*)(void)) * state;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(2, 1); // keeps the TAP stream clean
		_exit(child());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct CMUnitTest process(const char *name, int (*child)(void))
{
	return (struct CMUnitTest){
		.name = name, .test_func = in_a_process, .initial_state = (void *)child};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_goes_by_the_mtu),
		process("jumbo frames in large packets", child_jumbo),
		process("jumbo frames in pieces", child_tight),
		process("a frame too long for everything", child_too_long),
		process("echoes of its own", child_own_echoes),
		process("VLANs", child_vlans),
		process("ARP in a VLAN", child_vlan_arp),
		process("a full port", child_full_port),
		process("priority tags", child_priority),
		process("tags that the port took off", child_stripped),
		process("tags that it left", child_not_stripped),
		process("a link that is a connection", child_link),
		process("a link that follows an interface", child_link_of_tap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
