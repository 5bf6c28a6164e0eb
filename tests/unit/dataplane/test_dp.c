// A whole dataplane, two workers, two memif ports, no hugepages; the hosts are the test itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr.h"
#include "wire.h"

#define GATEWAY(i) (0x0a000001u + ((uint32_t)(i) << 8)) // 10.0.i.1/24
#define HOST(i)    (0x0a000002u + ((uint32_t)(i) << 8)) // 10.0.i.2
#define FAR        0xc0a80005u                          // 192.168.0.5, behind host 1

static struct dp *dp;
static struct wire wires[2];
static unsigned ticks, baseline;

static void on_tick(void *arg)
{
	(*(unsigned *)arg)++;
}

static void set_iface_full(uint16_t i, uint16_t mtu, bool up, bool crypto_map)
{
	struct dp_iface_config c = {
		.mtu = mtu, .up = up, .crypto_map = crypto_map, .address = addr_v4(GATEWAY(i))};

	c.network = prefix_make(&c.address, 24);
	assert_int_equal(dp_iface_set(dp, i, &c), 0);
}

static void set_iface(uint16_t i, uint16_t mtu, bool up)
{
	set_iface_full(i, mtu, up, false);
}

static void know_host(uint16_t i)
{
	struct ip_addr host = addr_v4(HOST(i));

	assert_int_equal(dp_neighbour_set(dp, i, &host, wires[i].host_mac), 0);
}

static void expect_drop(unsigned wire, const struct frame *f, const char *name)
{
	wire_expect_drop(dp, &wires[wire], f, name);
}

// Links come up at some time of their own.
static bool next_event(struct dp_event *ev)
{
	while (dp_events(dp, ev, 1))
		if (ev->kind != DP_EVENT_LINK)
			return true;
	return false;
}

static int start(void **state)
{
	static const unsigned cpus[2] = {0, 0};
	struct dp_port_config ports[2] = {{.name = "outside"}, {.name = "inside"}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = 2,
	                                 .worker_cpus = cpus,
	                                 .n_workers = 2,
	                                 .memory_mb = 256,
	                                 .idle_adaptive = true,
	                                 .max_peers = 64,
	                                 .max_tunnels = 64,
	                                 .max_sas = 256,
	                                 .max_ike_sas = 64};
	char err[256];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		wire_device(ports[i].device, sizeof(ports[i].device), i);
	dp = dp_start(&config, NULL, err, sizeof(err));
	if (!dp) {
		print_error("%s\n", err);
		return -1;
	}
	for (uint16_t i = 0; i < 2; i++) {
		struct dp_iface_info info;

		dp_iface_info(dp, i, &info);
		if (wire_open(&wires[i], i, info.mac) || !wire_wait_link(&wires[i])) {
			print_error("wire %u does not come up\n", i);
			return -1;
		}
		set_iface(i, 1500, true);
		know_host(i);
	}
	baseline = rte_mempool_in_use_count(rte_mempool_lookup("packets"));
	return dp_ticker_start(dp, 10, on_tick, &ticks);
}

// Packets that nobody has given back; what lies in the lcores' caches is free.
static unsigned in_use(void)
{
	return rte_mempool_in_use_count(rte_mempool_lookup("packets")) +
	       rte_mempool_in_use_count(rte_mempool_lookup("packets_big"));
}

static void test_no_packet_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6000 && in_use() > baseline; i++)
		usleep(1000); // incomplete datagrams and unknown neighbours time out
	assert_int_equal(in_use(), baseline);
}

static int stop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		wire_close(&wires[i]);
	dp_stop(dp);
	return 0;
}

// Both clocks at one time, and not before and after a pause.
static tick_t read_clocks(uint64_t *us)
{
	tick_t now;

	do {
		*us = dp_now_us(dp);
		now = dp_now(dp);
	} while (dp_now_us(dp) - *us > 1000);
	return now;
}

static void test_clock(void **state)
{
	uint64_t began, us;
	tick_t now = read_clocks(&began), later;
	unsigned before;

	(void)state;
	ticks = 0;
	for (unsigned i = 0; i < 400; i++) {
		dp_timers_run(dp);
		dp_control_idle(dp, 1000);
	}
	later = read_clocks(&us);
	us -= began;
	do { // those that are due
		before = ticks;
		dp_timers_run(dp);
	} while (ticks != before);
	assert_in_range(us, 300000, 5000000);
	assert_in_range(tick_diff(later, now), us / 10000 - 1, us / 10000 + 1);
	assert_in_range(ticks, us / 10000 - 3 - us / 20000, (dp_now_us(dp) - began) / 10000 + 1);
	for (unsigned i = 0; i < 100 && tick_diff(dp_punt_horizon(dp), now) < 5; i++)
		usleep(10000);
	assert_true(tick_diff(dp_punt_horizon(dp), now) >= 5);
	assert_false(tick_before(dp_now(dp), dp_punt_horizon(dp)));
}

static void test_arp_is_punted_and_answered(void **state)
{
	struct frame f = {.len = 60};
	struct dp_view v;

	(void)state;
	frame_ether(&wires[0], &f, RTE_ETHER_TYPE_ARP);
	memset(f.data, 0xff, 6);
	assert_true(wire_send(&wires[0], &f));
	assert_int_equal(wire_punt(dp, DP_PUNT_FRAME, &v), 1);
	assert_int_equal(v.iface, 0);
	assert_in_range(v.len, 60, 60);
	assert_memory_equal(v.data, f.data, 60);
	dp_punt_release(dp, &v, 1);
	assert_int_equal(dp_frame_send(dp, 1, f.data, 60), 0);
	memset(&f, 0, sizeof(f));
	assert_true(wire_recv(&wires[1], &f, 10000));
	assert_int_equal(frame_type(&f), RTE_ETHER_TYPE_ARP);
	assert_int_equal(dp_frame_send(dp, 7, f.data, 60), -EINVAL);
}

static void expect_reply(unsigned wire, uint32_t from, uint16_t len)
{
	struct frame f;

	assert_true(wire_recv(&wires[wire], &f, 10000));
	assert_memory_equal(f.data, wires[wire].host_mac, 6);
	assert_memory_equal(f.data + 6, wires[wire].gateway_mac, 6);
	assert_true(frame_checksum_ok(&f));
	assert_int_equal(rte_be_to_cpu_32(frame_ip(&f)->src_addr), from);
	assert_int_equal(frame_l4(&f)[0], 0);
	assert_int_equal(rte_be_to_cpu_16(frame_ip(&f)->total_length), 20 + len);
	assert_int_equal(rte_raw_cksum(frame_l4(&f), len), 0xffff);
}

static void expect_icmp_error_from(uint32_t source, struct frame *f, uint8_t type, uint8_t code,
                                   uint32_t dst)
{
	assert_true(wire_recv(&wires[0], f, 10000));
	assert_true(frame_checksum_ok(f));
	assert_int_equal(rte_be_to_cpu_32(frame_ip(f)->src_addr), source);
	assert_int_equal(frame_ip(f)->next_proto_id, IPPROTO_ICMP);
	assert_int_equal(frame_l4(f)[0], type);
	assert_int_equal(frame_l4(f)[1], code);
	assert_int_equal(
		rte_raw_cksum(frame_l4(f), rte_be_to_cpu_16(frame_ip(f)->total_length) - 20u),
		0xffff);
	assert_memory_equal(frame_l4(f) + 8 + 16, (uint32_t[1]){rte_cpu_to_be_32(dst)}, 4);
}

static void expect_icmp_error(struct frame *f, uint8_t type, uint8_t code, uint32_t dst)
{
	expect_icmp_error_from(GATEWAY(0), f, type, code, dst);
}

static void test_echo(void **state)
{
	struct frame f;
	uint8_t icmp[64];

	(void)state;
	icmp_echo(icmp, sizeof(icmp));
	frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(0), IPPROTO_ICMP, icmp, sizeof(icmp));
	assert_true(wire_send(&wires[0], &f));
	expect_reply(0, GATEWAY(0), sizeof(icmp));
	// The address of the other side is the gateway's own too.
	frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(1), IPPROTO_ICMP, icmp, sizeof(icmp));
	assert_true(wire_send(&wires[0], &f));
	expect_reply(0, GATEWAY(1), sizeof(icmp));
	icmp[20] ^= 1;
	frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(0), IPPROTO_ICMP, icmp, sizeof(icmp));
	expect_drop(0, &f, "drop local-icmp");
}

// The sender hears it, from the address that it asked (RFC 1122, 3.2.2.1 and 4.1.3.1).
static void test_nobody_listens(void **state)
{
	struct frame f, got;

	(void)state;
	frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(0), IPPROTO_TCP, "0123456789", 10);
	expect_drop(0, &f, "drop local-protocol");
	expect_icmp_error(&got, 3, 2, GATEWAY(0));
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(1), 9, 9, "hello", 5);
	expect_drop(0, &f, "drop local-port");
	expect_icmp_error_from(GATEWAY(1), &got, 3, 3, GATEWAY(1));
}

static void send_ike(uint16_t port, const uint8_t *data, uint16_t len)
{
	struct frame f;

	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1234, port, data, len);
	assert_true(wire_send(&wires[0], &f));
}

static void test_ike_is_punted_by_its_cookies(void **state)
{
	uint8_t natt[4 + 40] = {0}, *ike = natt + 4;
	struct dp_view v;

	(void)state;
	memset(ike, 0x55, 40);
	send_ike(500, ike, 40);
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_NEW, &v), 1);
	assert_int_equal(v.len, 40);
	assert_memory_equal(v.data, ike, 40);
	assert_int_equal(addr_v4_host(&v.src), HOST(0));
	assert_int_equal(addr_v4_host(&v.dst), GATEWAY(0));
	assert_int_equal(v.src_port, 1234);
	assert_int_equal(v.dst_port, 500);
	assert_false(v.marker);
	dp_punt_release(dp, &v, 1);

	memcpy(ike + 8, (uint8_t[8]){0, 0, 0, 7, 0xde, 0xad, 0xbe, 0xef}, 8);
	dp_ike_mark(dp, 7, 0xdeadbeef);
	send_ike(4500, natt, 44);
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_ESTABLISHED, &v), 1);
	assert_true(v.marker);
	assert_int_equal(v.dst_port, 4500);
	assert_int_equal(v.len, 40);
	assert_memory_equal(v.data, ike, 40);
	dp_punt_release(dp, &v, 1);

	dp_ike_mark(dp, 7, 0);
	send_ike(500, ike, 40);
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_NEW, &v), 1);
	dp_punt_release(dp, &v, 1);
}

static void test_what_looks_like_ike(void **state)
{
	uint8_t data[64] = {0xff};
	struct frame f;
	struct dp_event ev;
	struct dp_view v;
	uint64_t before = wire_counter(dp, "nat keepalives received");

	(void)state;
	send_ike(4500, data, 1);
	for (unsigned i = 0; i < 10000 && wire_counter(dp, "nat keepalives received") == before;
	     i++)
		usleep(1000);
	assert_int_equal(wire_counter(dp, "nat keepalives received"), before + 1);
	for (uint16_t len = 0; len < 4; len++) {
		frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 4500, "\1\2\3", len);
		expect_drop(0, &f, "drop natt-runt");
	}
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 500, data, 27);
	expect_drop(0, &f, "drop ike-runt");
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 500, data, 40);
	frame_l4(&f)[12] ^= 0xff;
	expect_drop(0, &f, "drop udp-checksum");
	// The UDP length says less than there is: the rest is cut off.
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 500, data, 40);
	memset(frame_l4(&f) + 48, 0xee, 8);
	f.len += 8;
	frame_ip(&f)->total_length = rte_cpu_to_be_16(20 + 56);
	frame_checksum(&f);
	assert_true(wire_send(&wires[0], &f));
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_NEW, &v), 1);
	assert_int_equal(v.len, 40);
	dp_punt_release(dp, &v, 1);
	// The UDP length says more than there is.
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 500, data, 40);
	frame_l4(&f)[4] = 1;
	expect_drop(0, &f, "drop ike-runt");
	// ESP in UDP and native ESP, of an SA that nobody has.
	frame_udp(&wires[0], &f, HOST(0), GATEWAY(0), 1, 4500,
	          "\1\2\3\4\5\6\7\10abcdefghabcdefghabcdefgh", 32);
	expect_drop(0, &f, "drop esp-no-sa");
	frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(0), IPPROTO_ESP,
	           "\1\2\3\4\5\6\7\10abcdefghabcdefghabcdefgh", 32);
	expect_drop(0, &f, "drop esp-no-sa");
	for (unsigned i = 0; i < 2; i++) {
		assert_true(next_event(&ev));
		assert_int_equal(ev.kind, DP_EVENT_INVALID_SPI);
		assert_int_equal(ev.spi, 0x01020304);
	}
}

static void test_datagram_goes_out(void **state)
{
	static uint8_t data[3000];
	struct dp_datagram d = {.src = addr_v4(GATEWAY(0)),
	                        .dst = addr_v4(HOST(0)),
	                        .src_port = 4500,
	                        .dst_port = 1234,
	                        .marker = true,
	                        .data = data,
	                        .len = 300};
	struct frame f;
	uint16_t got = 0;

	(void)state;
	memset(data, 0xa5, sizeof(data));
	assert_int_equal(dp_datagram_send(dp, &d), 0);
	assert_true(wire_recv(&wires[0], &f, 10000));
	assert_true(frame_checksum_ok(&f));
	assert_int_equal(rte_ipv4_udptcp_cksum_verify(frame_ip(&f), frame_l4(&f)), 0);
	assert_memory_equal(frame_l4(&f) + 8, "\0\0\0\0\xa5", 5);
	assert_int_equal(f.len, 14 + 20 + 8 + 4 + 300);
	d.len = sizeof(data);
	assert_int_equal(dp_datagram_send(dp, &d), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(wire_recv(&wires[0], &f, 10000));
		assert_true(f.len <= 1514);
		assert_true(frame_checksum_ok(&f));
		got = (uint16_t)(got + rte_be_to_cpu_16(frame_ip(&f)->total_length) - 20);
	}
	assert_int_equal(got, 8 + 4 + sizeof(data));
	d.dst = addr_v4(FAR);
	assert_int_equal(dp_datagram_send(dp, &d), -EHOSTUNREACH);
	d.dst = addr_v4(HOST(0));
	d.len = 60000;
	assert_int_equal(dp_datagram_send(dp, &d), -EMSGSIZE);
}

static void test_forwarding_in_clear(void **state)
{
	struct frame f, got;

	(void)state;
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &got, 10000));
	assert_memory_equal(got.data, wires[1].host_mac, 6);
	assert_int_equal(frame_ip(&got)->time_to_live, 63);
	assert_true(frame_checksum_ok(&got));
	assert_int_equal(rte_ipv4_udptcp_cksum_verify(frame_ip(&got), frame_l4(&got)), 0);
	// The other way, so that both workers have handed a frame over.
	frame_udp(&wires[1], &f, HOST(1), HOST(0), 1, 2, "hello", 5);
	assert_true(wire_send(&wires[1], &f));
	assert_true(wire_recv(&wires[0], &got, 10000));
	assert_memory_equal(got.data, wires[0].host_mac, 6);
	assert_true(wire_counter(dp, "handed off") > 0);
}

static void test_icmp_errors(void **state)
{
	struct frame f, got;

	(void)state;
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	frame_ip(&f)->time_to_live = 1;
	frame_checksum(&f);
	expect_drop(0, &f, "drop ttl");
	expect_icmp_error(&got, 11, 0, HOST(1));
	frame_udp(&wires[0], &f, HOST(0), FAR, 1, 2, "hello", 5);
	expect_drop(0, &f, "drop no-route");
	expect_icmp_error(&got, 3, 0, FAR);
	// Not about an ICMP error.
	frame_ipv4(&wires[0], &f, HOST(0), FAR, IPPROTO_ICMP, "\3\0\0\0\0\0\0\0", 8);
	expect_drop(0, &f, "drop no-route");
	assert_false(wire_recv(&wires[0], &got, 50));
	// And not without end.
	for (unsigned i = 0; i < 120; i++) {
		frame_udp(&wires[0], &f, HOST(0), FAR, 1, 2, "hello", 5);
		assert_true(wire_send(&wires[0], &f));
		if (i % 16 == 15)
			usleep(1000);
	}
	while (wire_recv(&wires[0], &got, 50))
		;
	assert_true(wire_counter(dp, "icmp errors suppressed") > 0);
}

static void test_routes_and_neighbours(void **state)
{
	const struct ip_addr far = addr_v4(FAR), gateway = addr_v4(0x0a000163); // 10.0.1.99
	const struct ip_prefix net = prefix_make(&far, 16), all = {.addr = addr_v4(0)};
	const struct ip_addr other = addr_v4(0x08080808);
	struct ip_addr next_hop, source;
	struct dp_event ev = {0};
	struct frame f, got;
	uint16_t iface;
	unsigned n = 0;

	(void)state;
	assert_int_equal(dp_route_add(dp, &net, &gateway, 1), 0);
	assert_int_equal(dp_route_find(dp, &far, &iface, &next_hop, &source), 0);
	assert_int_equal(iface, 1);
	assert_true(addr_equal(&next_hop, &gateway));
	assert_int_equal(addr_v4_host(&source), GATEWAY(1));
	for (unsigned i = 0; i < 6; i++) {
		frame_udp(&wires[0], &f, HOST(0), FAR, (uint16_t)i, 2, "hello", 5);
		assert_true(wire_send(&wires[0], &f));
	}
	assert_false(wire_recv(&wires[1], &got, 50));
	while (next_event(&ev)) {
		assert_int_equal(ev.kind, DP_EVENT_NEIGHBOUR_WANTED);
		assert_int_equal(ev.iface, 1);
		assert_true(addr_equal(&ev.addr, &gateway));
		n++;
	}
	assert_int_equal(n, 1);
	assert_int_equal(wire_counter(dp, "drop neighbour-full"), 2);
	assert_int_equal(dp_neighbour_set(dp, 1, &gateway, wires[1].host_mac), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(wire_recv(&wires[1], &got, 10000));
		assert_int_equal(rte_be_to_cpu_16(((struct rte_udp_hdr *)frame_l4(&got))->src_port),
		                 i + 2); // the newest
	}
	dp_neighbour_del(dp, 1, &gateway);
	assert_true(wire_send(&wires[0], &f));
	assert_false(wire_recv(&wires[1], &got, 50));
	assert_true(next_event(&ev));
	dp_neighbour_del(dp, 1, &gateway); // gives up
	expect_icmp_error(&got, 3, 1, FAR);
	dp_route_del(dp, &net);
	assert_int_equal(dp_route_find(dp, &far, &iface, &next_hop, &source), -EHOSTUNREACH);
	assert_int_equal(dp_route_add(dp, &all, &gateway, 1), 0);
	assert_int_equal(dp_route_find(dp, &other, &iface, &next_hop, &source), 0);
	dp_route_del(dp, &all);
	assert_int_equal(dp_route_find(dp, &other, &iface, &next_hop, &source), -EHOSTUNREACH);
}

// Sends the pieces of a large echo request, in the order given.
static void send_fragments(const uint8_t *icmp, uint16_t len, const unsigned order[3])
{
	for (unsigned i = 0; i < 3; i++) {
		uint16_t at = (uint16_t)(order[i] * 1400), n = RTE_MIN(1400, len - at);
		struct frame f;

		frame_ipv4(&wires[0], &f, HOST(0), GATEWAY(0), IPPROTO_ICMP, icmp + at, n);
		frame_ip(&f)->packet_id = rte_cpu_to_be_16((uint16_t)(0x4200 + order[0]));
		frame_ip(&f)->fragment_offset = rte_cpu_to_be_16(
			(uint16_t)(at / 8 | (at + n < len ? RTE_IPV4_HDR_MF_FLAG : 0)));
		frame_checksum(&f);
		assert_true(wire_send(&wires[0], &f));
	}
}

static void test_fragments_to_the_gateway(void **state)
{
	static const unsigned orders[3][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
	uint8_t icmp[3000];

	(void)state;
	icmp_echo(icmp, sizeof(icmp));
	for (unsigned o = 0; o < 3; o++) {
		uint8_t reply[3200] = {0};
		size_t got = 0;

		send_fragments(icmp, sizeof(icmp), orders[o]);
		while (got < sizeof(icmp)) {
			struct frame f;
			size_t at, n;

			assert_true(wire_recv(&wires[0], &f, 10000));
			assert_true(frame_checksum_ok(&f));
			at = (rte_be_to_cpu_16(frame_ip(&f)->fragment_offset) & 0x1fffu) * 8;
			n = rte_be_to_cpu_16(frame_ip(&f)->total_length) - 20u;
			assert_true(at + n <= sizeof(reply));
			memcpy(reply + at, frame_l4(&f), n);
			got += n;
		}
		assert_int_equal(got, sizeof(icmp));
		assert_int_equal(reply[0], 0);
		assert_memory_equal(reply + 4, icmp + 4, sizeof(icmp) - 4);
	}
	assert_int_equal(wire_counter(dp, "reassembled"), 3);
}

static void test_mtu(void **state)
{
	static const uint8_t data[1300];
	struct frame f, got;

	(void)state;
	set_iface(1, 1000, true);
	usleep(100000); // the bucket of ICMP errors fills
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, data, sizeof(data));
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &got, 10000));
	assert_int_equal(rte_be_to_cpu_16(frame_ip(&got)->total_length), 20 + 976);
	assert_true(wire_recv(&wires[1], &got, 10000));
	assert_int_equal(rte_be_to_cpu_16(frame_ip(&got)->total_length), 20 + 8 + 1300 - 976);
	assert_true(frame_checksum_ok(&got));
	frame_ip(&f)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	frame_checksum(&f);
	expect_drop(0, &f, "drop mtu");
	expect_icmp_error(&got, 3, 4, HOST(1));
	assert_int_equal(frame_l4(&got)[6] << 8 | frame_l4(&got)[7], 1000);
	set_iface(1, 1500, true);
}

static void test_drops(void **state)
{
	struct frame f;

	(void)state;
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	f.data[5] ^= 1;
	expect_drop(0, &f, "drop not-our-mac");
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	memcpy(f.data + 6, wires[0].gateway_mac, 6);
	expect_drop(0, &f, "drop own-frame");
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	frame_ip(&f)->hdr_checksum ^= 1;
	expect_drop(0, &f, "drop ip-checksum");
	frame_udp(&wires[0], &f, 0x7f000001, HOST(1), 1, 2, "hello", 5);
	expect_drop(0, &f, "drop ip-source");
	frame_udp(&wires[0], &f, HOST(0), 0x0a0001ff, 1, 2, "hello", 5);
	expect_drop(0, &f, "drop ip-broadcast");
	frame_udp(&wires[0], &f, HOST(0), 0xe0000001, 1, 2, "hello", 5);
	expect_drop(0, &f, "drop ip-broadcast");
	frame_udp(&wires[0], &f, HOST(0), HOST(1), 1, 2, "hello", 5);
	frame_ip(&f)->total_length = rte_cpu_to_be_16(900);
	frame_checksum(&f);
	expect_drop(0, &f, "drop ip-header");
	frame_ipv4(&wires[0], &f, HOST(0), HOST(1), IPPROTO_UDP, "\x83\4\4\0abcdefgh", 12);
	frame_ip(&f)->version_ihl = 0x46;
	frame_checksum(&f);
	expect_drop(0, &f, "drop ip-options");
	frame_ether(&wires[0], &f, RTE_ETHER_TYPE_IPV6);
	expect_drop(0, &f, "drop ip-header");
	frame_ether(&wires[0], &f, 0x88cc);
	expect_drop(0, &f, "drop ethertype");
	set_iface(0, 1500, false);
	expect_drop(0, &f, "drop interface-down");
	set_iface(0, 1500, true);
}

// ---- ESP: the gateway gets back what it encrypts: both SAs have one key and one SPI ----

static const struct ip_addr far_net = {.family = 4, .bytes = {192, 168}};

static void far_is_behind(uint16_t iface)
{
	const struct ip_prefix net = {.addr = far_net, .len = 16};
	const struct ip_addr next_hop = addr_v4(HOST(iface));

	assert_int_equal(dp_route_add(dp, &net, &next_hop, iface), 0);
}

static struct dp_event wait_event(enum dp_event_kind kind)
{
	struct dp_event ev = {0};

	for (unsigned i = 0; i < 10000; i++) {
		while (next_event(&ev))
			if (ev.kind == kind)
				return ev;
		usleep(1000);
	}
	fail_msg("no event of kind %d", (int)kind);
	return ev;
}

struct esp_flow {
	struct handle tunnel, in, out, policy;
	uint32_t spi;
};

static void flow_add(struct esp_flow *f)
{
	struct dp_tunnel_spec spec = {.iface = 0, .peer = DP_NO_PEER};
	struct dp_policy_rule rule = {
		.sequence = 10, .permit = true, .local_port_hi = 65535, .remote_port_hi = 65535};

	spec.selector.local = spec.selector.remote = (struct ip_prefix){.addr = addr_v4(0)};
	rule.local.addr = addr_v4(0);
	rule.remote = (struct ip_prefix){.addr = far_net, .len = 16};
	assert_int_equal(dp_tunnel_add(dp, &spec, &f->tunnel), 0);
	rule.tunnel = f->tunnel;
	assert_int_equal(dp_policy_add(dp, &rule, &f->policy), 0);
}

static void flow_use_sas(struct esp_flow *f, enum sa_encap encap)
{
	struct sa_spec spec = {.cipher = SA_CIPHER_AES_CBC,
	                       .auth = SA_AUTH_HMAC_SHA256_128,
	                       .encap = encap,
	                       .key_len = 16,
	                       .local = addr_v4(GATEWAY(0)),
	                       .remote = addr_v4(HOST(0)),
	                       .local_port = 4500,
	                       .remote_port = 4500,
	                       .replay_window = 64};

	spec.selector.local = spec.selector.remote = (struct ip_prefix){.addr = addr_v4(0)};
	memset(spec.key, 7, 16);
	memset(spec.auth_key, 8, 32);
	assert_int_equal(dp_sa_reserve(dp, &spec.local, &spec.remote, &f->in, &f->spi), 0);
	spec.spi = f->spi;
	assert_int_equal(dp_sa_add_in(dp, f->in, &spec, f->tunnel), 0);
	assert_int_equal(dp_sa_add_out(dp, &spec, f->tunnel, f->in, &f->out), 0);
	dp_tunnel_use(dp, f->tunnel, f->out);
}

static void flow_del(struct esp_flow *f)
{
	const struct handle sas[2] = {f->in, f->out};

	dp_policy_del(dp, f->policy);
	dp_sa_del(dp, sas, 2);
	dp_tunnel_del(dp, f->tunnel);
	wait_event(DP_EVENT_SA_GONE);
	wait_event(DP_EVENT_SA_GONE);
}

// Sends an ESP packet back to where it came from.
static void turn_round(struct frame *f)
{
	struct rte_ipv4_hdr *ip = frame_ip(f);
	uint32_t src = ip->src_addr;

	ip->src_addr = ip->dst_addr;
	ip->dst_addr = src;
	memcpy(f->data, wires[0].gateway_mac, 6);
	memcpy(f->data + 6, wires[0].host_mac, 6);
}

// An ICMP error shows what came out of a tunnel. Here its way back leads through none.
static void no_quote_in_clear(void)
{
	struct frame f, esp;

	for (unsigned map = 0; map < 2; map++) {
		far_is_behind(0);
		frame_udp(&wires[1], &f, HOST(1), FAR, 1, 2, "secret", 6);
		frame_ip(&f)->time_to_live = 2;
		frame_checksum(&f);
		assert_true(wire_send(&wires[1], &f));
		assert_true(wire_recv(&wires[0], &esp, 10000));
		far_is_behind(1);
		set_iface_full(1, 1500, true, map);
		turn_round(&esp);
		expect_drop(0, &esp, "drop policy-quote");
		assert_false(wire_recv(&wires[1], &f, 50));
	}
	set_iface(1, 1500, true);
}

static void through_a_tunnel(enum sa_encap encap)
{
	uint8_t data[1000];
	struct esp_flow flow;
	struct dp_sa_stats stats;
	struct frame f, esp, got;
	tick_t when;

	memset(data, 0x3c, sizeof(data));
	set_iface_full(0, 1500, true, true);
	far_is_behind(0);
	flow_add(&flow);
	frame_udp(&wires[1], &f, HOST(1), FAR, 1, 2, data, sizeof(data));
	assert_true(wire_send(&wires[1], &f));
	assert_true(handle_equal(wait_event(DP_EVENT_ACQUIRE).tunnel, flow.tunnel));
	flow_use_sas(&flow, encap);
	assert_true(wire_recv(&wires[0], &esp, 10000)); // the packet that was held
	assert_int_equal(frame_ip(&esp)->next_proto_id,
	                 encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP);
	assert_int_equal(rte_be_to_cpu_32(frame_ip(&esp)->dst_addr), HOST(0));
	assert_true(frame_checksum_ok(&esp));

	far_is_behind(1);
	turn_round(&esp);
	assert_false(dp_sa_last_in(dp, flow.in, &when));
	assert_true(wire_send(&wires[0], &esp));
	assert_true(wire_recv(&wires[1], &got, 10000));
	assert_int_equal(got.len, f.len);
	assert_int_equal(frame_ip(&got)->time_to_live, 62);
	assert_memory_equal(frame_l4(&got), frame_l4(&f), 8 + sizeof(data));
	assert_true(dp_sa_last_in(dp, flow.in, &when));
	expect_drop(0, &esp, "drop esp-replay");
	esp.data[esp.len - 1] ^= 1;
	frame_l4(&esp)[encap == SA_ENCAP_UDP ? 15 : 7]++;
	expect_drop(0, &esp, "drop esp-auth");
	dp_sa_stats(dp, flow.in, &stats);
	assert_int_equal(stats.packets, 1);
	assert_int_equal(stats.replayed, 1);
	assert_int_equal(stats.auth_failed, 1);
	no_quote_in_clear();
	// In clear the same is refused, both through the gateway and to it.
	frame_udp(&wires[0], &f, FAR, HOST(1), 1, 2, "hello", 5);
	expect_drop(0, &f, "drop policy-clear-in");
	frame_udp(&wires[0], &f, FAR, GATEWAY(1), 1, 2, "hello", 5);
	expect_drop(0, &f, "drop policy-clear-in");
	flow_del(&flow);
}

static void test_esp_through_a_tunnel(void **state)
{
	const struct ip_prefix net = {.addr = far_net, .len = 16};

	(void)state;
	through_a_tunnel(SA_ENCAP_NONE);
	through_a_tunnel(SA_ENCAP_UDP);
	dp_route_del(dp, &net);
	set_iface(0, 1500, true);
}

static void test_settings_are_checked(void **state)
{
	struct dp_iface_config c = {.mtu = 9000, .up = true, .address = addr_v4(GATEWAY(0))};
	struct dp_iface_info info;

	(void)state;
	c.network = prefix_make(&c.address, 24);
	assert_int_equal(dp_iface_set(dp, 0, &c), -ENOTSUP);
	c.mtu = 60;
	assert_int_equal(dp_iface_set(dp, 0, &c), -EINVAL);
	c.mtu = 1500;
	assert_int_equal(dp_iface_set(dp, 2, &c), -EINVAL);
	// The other interface has this network.
	assert_int_equal(dp_iface_set(dp, 1, &c), -EEXIST);
	dp_iface_info(dp, 0, &info);
	assert_string_equal(info.driver, "net_memif");
	assert_true(info.link_up);
	assert_true(info.rx_packets > 10 && info.tx_packets > 10);
	assert_int_equal(dp_punt_losses(dp, DP_ALL_IFACES), 0);
	assert_non_null(strstr(dp_version(), "DPDK 22"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_arp_is_punted_and_answered),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_ike_is_punted_by_its_cookies),
		cmocka_unit_test(test_what_looks_like_ike),
		cmocka_unit_test(test_datagram_goes_out),
		cmocka_unit_test(test_forwarding_in_clear),
		cmocka_unit_test(test_icmp_errors),
		cmocka_unit_test(test_routes_and_neighbours),
		cmocka_unit_test(test_fragments_to_the_gateway),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_esp_through_a_tunnel),
		cmocka_unit_test(test_settings_are_checked),
		cmocka_unit_test(test_no_packet_is_lost),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
