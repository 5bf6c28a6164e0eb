// IPv6 through a whole dataplane with two workers: forwarding, scope, ICMPv6, fragments, IKE,
// neighbours, policy. The hosts are the test itself, at the other ends of two memif ports.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr.h"
#include "ipv6.h"
#include "wire.h"

#define HEADER 40
#define ETHER  RTE_ETHER_HDR_LEN

static struct dp *dp;
static struct wire wires[2];
static unsigned baseline;

// 2001:db8:i::last, the gateway's is 1 and the host's 2; and fe80::last.
static struct ip_addr global(unsigned i, uint8_t last)
{
	return (struct ip_addr){.family = 6,
	                        .bytes = {0x20, 1, 0xd, 0xb8, 0, (uint8_t)i, [15] = last}};
}

static struct ip_addr link_local(uint8_t last)
{
	return (struct ip_addr){.family = 6, .bytes = {0xfe, 0x80, [15] = last}};
}

static struct dp_iface_config iface_config(uint16_t i, uint16_t mtu)
{
	struct dp_iface_config c = {.mtu = mtu, .up = true, .n_addresses6 = 2};

	c.addresses6[0].address = link_local(1);
	c.addresses6[0].network = prefix_make(&c.addresses6[0].address, 64);
	c.addresses6[1].address = global(i, 1);
	c.addresses6[1].network = prefix_make(&c.addresses6[1].address, 64);
	return c;
}

static void set_iface(uint16_t i, uint16_t mtu, bool crypto_map)
{
	struct dp_iface_config c = iface_config(i, mtu);

	c.crypto_map = crypto_map;
	assert_int_equal(dp_iface_set(dp, i, &c), 0);
}

static void know(uint16_t i, struct ip_addr addr)
{
	assert_int_equal(dp_neighbour_set(dp, i, &addr, wires[i].host_mac), 0);
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
		if (wire_open(&wires[i], i, info.mac) || !wire_wait_link(&wires[i]))
			return -1;
		set_iface(i, 1500, false);
		know(i, global(i, 2));
		know(i, link_local(2));
	}
	dp_ipv6_routing(dp, true);
	baseline = rte_mempool_in_use_count(rte_mempool_lookup("packets"));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		wire_close(&wires[i]);
	dp_stop(dp);
	return 0;
}

static void expect_drop(unsigned wire, const struct frame *f, const char *name)
{
	wire_expect_drop(dp, &wires[wire], f, name);
}

// ---- frames ----------------------------------------------------------------------------------

static struct rte_ipv6_hdr *ip6(struct frame *f)
{
	return (struct rte_ipv6_hdr *)(f->data + ETHER);
}

static uint8_t *after(struct frame *f)
{
	return f->data + ETHER + HEADER;
}

// An IPv6 packet with `len` bytes behind its header.
static void frame_ipv6(const struct wire *w, struct frame *f, struct ip_addr src,
                       struct ip_addr dst, uint8_t proto, const void *payload, uint16_t len)
{
	struct rte_ipv6_hdr *ip = ip6(f);

	frame_ether(w, f, RTE_ETHER_TYPE_IPV6);
	*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28 | 0x12345),
	                            .payload_len = rte_cpu_to_be_16(len),
	                            .proto = proto,
	                            .hop_limits = 64};
	memcpy(ip->src_addr, src.bytes, 16);
	memcpy(ip->dst_addr, dst.bytes, 16);
	memcpy(ip + 1, payload, len);
	f->len = (uint16_t)(ETHER + HEADER + len);
}

// Over what stands behind the IPv6 header; `at` is where the checksum's place is.
static void put_sum(struct frame *f, uint8_t proto, unsigned at)
{
	uint32_t len = f->len - (uint32_t)(ETHER + HEADER);
	uint16_t sum;

	memset(after(f) + at, 0, 2);
	sum = (uint16_t)~ipv6_sum(ip6(f), proto, after(f), len);
	memcpy(after(f) + at, &sum, 2);
}

static bool sum_holds(struct frame *f, uint8_t proto)
{
	return ipv6_sum(ip6(f), proto, after(f), f->len - (uint32_t)(ETHER + HEADER)) == 0xffff;
}

static void frame_udp6(const struct wire *w, struct frame *f, struct ip_addr src,
                       struct ip_addr dst, uint16_t port, uint16_t len)
{
	uint8_t payload[WIRE_FRAME_MAX] = {0};
	const uint16_t head[4] = {rte_cpu_to_be_16(4000), rte_cpu_to_be_16(port),
	                          rte_cpu_to_be_16((uint16_t)(8 + len)), 0};

	memcpy(payload, head, sizeof(head));
	for (unsigned i = 0; i < len; i++)
		payload[8 + i] = (uint8_t)(i * 7);
	frame_ipv6(w, f, src, dst, IPPROTO_UDP, payload, (uint16_t)(8 + len));
	put_sum(f, IPPROTO_UDP, 6);
}

static void frame_echo6(const struct wire *w, struct frame *f, struct ip_addr src,
                        struct ip_addr dst, uint16_t len)
{
	uint8_t icmp[WIRE_FRAME_MAX];

	icmp_echo(icmp, len);
	icmp[0] = 128;
	frame_ipv6(w, f, src, dst, IPPROTO_ICMPV6, icmp, len);
	put_sum(f, IPPROTO_ICMPV6, 2);
}

static void expect_icmp(unsigned wire, struct ip_addr src, uint8_t type, uint8_t code,
                        uint32_t info)
{
	struct frame r;
	uint32_t word;

	assert_true(wire_recv(&wires[wire], &r, 10000));
	assert_int_equal(frame_type(&r), RTE_ETHER_TYPE_IPV6);
	assert_int_equal(ip6(&r)->proto, IPPROTO_ICMPV6);
	assert_memory_equal(ip6(&r)->src_addr, src.bytes, 16);
	assert_true(r.len <= ETHER + 1280);
	assert_true(sum_holds(&r, IPPROTO_ICMPV6));
	assert_int_equal(after(&r)[0], type);
	assert_int_equal(after(&r)[1], code);
	memcpy(&word, after(&r) + 4, 4);
	assert_int_equal(rte_be_to_cpu_32(word), info);
}

static void silence(unsigned wire)
{
	struct frame r;

	assert_false(wire_recv(&wires[wire], &r, 50));
}

// ---- tests -----------------------------------------------------------------------------------

static void forwarded(void **state)
{
	struct frame f, r;

	(void)state;
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 300);
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
	assert_int_equal(r.len, f.len);
	assert_memory_equal(r.data, wires[1].host_mac, 6);
	assert_memory_equal(r.data + 6, wires[1].gateway_mac, 6);
	assert_int_equal(frame_type(&r), RTE_ETHER_TYPE_IPV6);
	assert_int_equal(ip6(&r)->hop_limits, 63);
	ip6(&r)->hop_limits = 64;
	assert_memory_equal(r.data + ETHER, f.data + ETHER, f.len - ETHER);
	// What Ethernet pads is not the packet's.
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 0);
	f.len += 12;
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
	assert_int_equal(r.len, f.len - 12);
}

static void by_a_gateway(void **state)
{
	const struct ip_addr far = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 9, [15] = 7}};
	const struct ip_prefix net = prefix_make(&far, 48);
	const struct ip_addr gateway = link_local(2);
	struct frame f, r;

	(void)state;
	assert_int_equal(dp_route_add(dp, &net, &gateway, 1), 0);
	frame_udp6(&wires[0], &f, global(0, 2), far, 9, 30);
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
	assert_memory_equal(ip6(&r)->dst_addr, far.bytes, 16);
	dp_route_del(dp, &net);
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 1, 0, 0);
}

// Who asks for multicast listeners is heard by the control core.
static void queries(void **state)
{
	static const uint8_t query[8 + 24] = {58, 0, 5, 2, 0, 0, 1, 0, 130};
	const struct ip_addr all = {.family = 6, .bytes = {0xff, 2, [15] = 1}};
	struct dp_view v;
	struct frame f;

	(void)state;
	frame_ipv6(&wires[0], &f, link_local(2), all, IPPROTO_HOPOPTS, query, sizeof(query));
	memcpy(f.data, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	expect_drop(0, &f, "drop ip-broadcast"); // from beyond the link
	ip6(&f)->hop_limits = 1;
	assert_true(wire_send(&wires[0], &f));
	assert_int_equal(wire_punt(dp, DP_PUNT_FRAME, &v), 1);
	assert_int_equal(v.len, f.len);
	dp_punt_release(dp, &v, 1);
	f.data[ETHER + HEADER + 8] = 131; // another listener
	expect_drop(0, &f, "drop ip-broadcast");
}

static void drops(void **state)
{
	static const uint8_t fragments[] = {44, 0, 0, 1, 0, 0, 0, 1, 59, 0, 0, 0, 0, 0, 0, 1, 0};
	static const uint8_t options[] = {0, 0, 1, 4, 0, 0, 0, 0, 59, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t cut[] = {59, 3, 1, 4, 0, 0, 0, 0};
	static const uint8_t routing[] = {59, 2, 0, 1, 0, 0, 0, 0, [23] = 1};
	const struct ip_addr none = {.family = 6}, many = {.family = 6, .bytes = {0xff, 0x0e}};
	const struct ip_addr mapped = {.family = 6, .bytes = {[10] = 0xff, 0xff, 10, 0, 0, 1}};
	struct frame f;

	(void)state;
	frame_udp6(&wires[0], &f, many, global(1, 2), 9, 9);
	expect_drop(0, &f, "drop ip-source");
	frame_udp6(&wires[0], &f, none, global(1, 2), 9, 9);
	expect_drop(0, &f, "drop ip-source");
	frame_udp6(&wires[0], &f, mapped, global(1, 2), 9, 9);
	expect_drop(0, &f, "drop ip-source");
	frame_udp6(&wires[0], &f, global(0, 2), many, 9, 9);
	expect_drop(0, &f, "drop ip-broadcast");
	f.data[0] = 0x33;
	f.data[1] = 0x33;
	expect_drop(0, &f, "drop ip-broadcast");
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 9);
	f.len--;
	expect_drop(0, &f, "drop ip-header");
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 9);
	ip6(&f)->vtc_flow = 0;
	expect_drop(0, &f, "drop ip-header");
	frame_ipv6(&wires[0], &f, global(0, 2), global(1, 2), IPPROTO_FRAGMENT, fragments,
	           sizeof(fragments));
	expect_drop(0, &f, "drop ip-header");
	frame_ipv6(&wires[0], &f, global(0, 2), global(1, 2), IPPROTO_DSTOPTS, options,
	           sizeof(options));
	expect_drop(0, &f, "drop ip-header");
	frame_ipv6(&wires[0], &f, global(0, 2), global(1, 2), IPPROTO_HOPOPTS, cut, sizeof(cut));
	expect_drop(0, &f, "drop ip-header");
	frame_ipv6(&wires[0], &f, global(0, 2), global(0, 1), IPPROTO_ROUTING, routing,
	           sizeof(routing));
	expect_drop(0, &f, "drop ip-options");
	expect_icmp(0, global(0, 1), 4, 0, 42); // RFC 8200, 4.4
	silence(0);
	silence(1);
}

// RFC 8200, 4.2: options of a packet for us, which we do not know.
static void options_for_us(void **state)
{
	uint8_t echo[16 + 64] = {58, 1, 0x05, 2, 0, 0, 1, 0}; // to be passed over, and padding
	struct frame f, r;

	(void)state;
	frame_echo6(&wires[0], &f, global(0, 2), global(0, 1), 64);
	memcpy(echo + 16, after(&f), 64);
	frame_ipv6(&wires[0], &f, global(0, 2), global(0, 1), IPPROTO_DSTOPTS, echo, sizeof(echo));
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[0], &r, 10000)); // the answer has no options
	assert_int_equal(r.len, ETHER + HEADER + 64);
	assert_int_equal(after(&r)[0], 129);
	assert_true(sum_holds(&r, IPPROTO_ICMPV6));
	after(&f)[2] = 0x45; // the packet may not pass
	expect_drop(0, &f, "drop ip-options");
	silence(0);
	after(&f)[2] = 0xc5; // and its sender wants to know
	expect_drop(0, &f, "drop ip-options");
	expect_icmp(0, global(0, 1), 4, 2, 42);
	// Of others' packets they are none of our business.
	frame_ipv6(&wires[0], &f, global(0, 2), global(1, 2), IPPROTO_DSTOPTS, echo, sizeof(echo));
	after(&f)[2] = 0xc5;
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
}

static void scope_ends_here(void **state)
{
	struct frame f;

	(void)state;
	frame_udp6(&wires[0], &f, link_local(2), global(1, 2), 9, 9);
	expect_drop(0, &f, "drop ipv6-scope");
	frame_udp6(&wires[0], &f, global(0, 2), link_local(9), 9, 9);
	expect_drop(0, &f, "drop ipv6-scope");
	silence(1);
}

static void expect_echo(struct ip_addr from, uint16_t len)
{
	struct frame r;

	assert_true(wire_recv(&wires[0], &r, 10000));
	assert_memory_equal(ip6(&r)->src_addr, from.bytes, 16);
	assert_int_equal(r.len, ETHER + HEADER + len);
	assert_int_equal(after(&r)[0], 129);
	assert_int_equal(ip6(&r)->hop_limits, 64);
	assert_true(sum_holds(&r, IPPROTO_ICMPV6));
	for (unsigned i = 4; i < len; i++)
		assert_int_equal(after(&r)[i], (uint8_t)i);
}

// RFC 4861, 6.2.1: a host does not forward.
static void a_host(void **state)
{
	struct frame f;

	(void)state;
	dp_ipv6_routing(dp, false);
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 9);
	expect_drop(0, &f, "drop ipv6-not-routing");
	silence(1);
	frame_udp6(&wires[0], &f, global(0, 2), global(77, 2), 9, 9); // no route
	expect_drop(0, &f, "drop ipv6-not-routing");
	silence(0);
	frame_echo6(&wires[0], &f, global(0, 2), global(1, 1), 100);
	assert_true(wire_send(&wires[0], &f));
	expect_echo(global(1, 1), 100);
	dp_ipv6_routing(dp, true);
}

static void errors(void **state)
{
	const struct ip_addr far = global(7, 2);
	const struct ip_prefix net = prefix_make(&far, 64);
	const struct ip_prefix net4 = {.addr = addr_v4(0x0a090000), .len = 16};
	struct frame f;

	(void)state;
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 9);
	ip6(&f)->hop_limits = 1;
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 3, 0, 0);
	frame_udp6(&wires[0], &f, global(0, 2), global(7, 2), 9, 1400);
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 1, 0, 0);
	assert_int_equal(dp_route_discard(dp, &net), 0);
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 1, 6, 0);
	dp_route_del(dp, &net);
	assert_int_equal(dp_route_discard(dp, &net4), 0);
	frame_udp(&wires[0], &f, 0x0a000002, 0x0a090002, 1, 2, "hello", 5);
	expect_drop(0, &f, "drop route-null");
	dp_route_del(dp, &net4);
	set_iface(1, 1280, false);
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 1280 - HEADER - 8 + 1);
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 2, 0, 1280);
	set_iface(1, 1500, false);
	silence(1);
	// Never about an error.
	frame_echo6(&wires[0], &f, global(0, 2), global(7, 2), 64);
	after(&f)[0] = 3;
	put_sum(&f, IPPROTO_ICMPV6, 2);
	assert_true(wire_send(&wires[0], &f));
	silence(0);
}

// `ip mtu` is IPv4's alone.
static void an_mtu_of_its_own(void **state)
{
	struct dp_iface_config c = iface_config(1, 1000);
	struct frame f, r;

	(void)state;
	c.mtu6 = 1400;
	assert_int_equal(dp_iface_set(dp, 1, &c), 0);
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 1400 - HEADER - 8);
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 1400 - HEADER - 8 + 1);
	assert_true(wire_send(&wires[0], &f));
	expect_icmp(0, global(0, 1), 2, 0, 1400);
	c.mtu = 1500;
	c.mtu6 = 9000;
	assert_int_equal(dp_iface_set(dp, 1, &c), -ENOTSUP);
	set_iface(1, 1500, false);
}

static void echo(void **state)
{
	struct frame f;

	(void)state;
	frame_echo6(&wires[0], &f, global(0, 2), global(0, 1), 100);
	assert_true(wire_send(&wires[0], &f));
	expect_echo(global(0, 1), 100);
	frame_echo6(&wires[0], &f, global(0, 2), global(1, 1), 100);
	assert_true(wire_send(&wires[0], &f));
	expect_echo(global(1, 1), 100);
	frame_echo6(&wires[0], &f, link_local(2), link_local(1), 101);
	assert_true(wire_send(&wires[0], &f));
	expect_echo(link_local(1), 101);
	after(&f)[50] ^= 1;
	expect_drop(0, &f, "drop local-icmp");
}

// RFC 4443, 4.2: from an address of the link, of the asker's scope.
static void echo_to_all(void **state)
{
	static const uint8_t group[6] = {0x33, 0x33, [5] = 1};
	struct ip_addr all = {.family = 6, .bytes = {0xff, 2, [15] = 1}};
	struct frame f;

	(void)state;
	frame_echo6(&wires[0], &f, link_local(2), all, 100);
	memcpy(f.data, group, sizeof(group));
	assert_true(wire_send(&wires[0], &f));
	expect_echo(link_local(1), 100);
	after(&f)[50] ^= 1;
	expect_drop(0, &f, "drop ip-broadcast");
	frame_echo6(&wires[0], &f, global(0, 2), all, 101);
	memcpy(f.data, group, sizeof(group));
	assert_true(wire_send(&wires[0], &f));
	expect_echo(global(0, 1), 101);
	ip6(&f)->dst_addr[15] = 3; // another group
	put_sum(&f, IPPROTO_ICMPV6, 2);
	expect_drop(0, &f, "drop ip-broadcast");
	frame_udp6(&wires[0], &f, link_local(2), all, 500, 10);
	memcpy(f.data, group, sizeof(group));
	expect_drop(0, &f, "drop ip-broadcast");
}

// The host's answer to an echo of the gateway's, its identifier changed so much.
static void answer(struct frame *f, const struct dp_echo *e, uint8_t change)
{
	memcpy(f->data, wires[0].gateway_mac, 6);
	memcpy(f->data + 6, wires[0].host_mac, 6);
	memcpy(ip6(f)->src_addr, e->dst.bytes, 16);
	memcpy(ip6(f)->dst_addr, e->src.bytes, 16);
	after(f)[0] = 129;
	after(f)[4] ^= change;
	put_sum(f, IPPROTO_ICMPV6, 2);
	assert_true(wire_send(&wires[0], f));
}

// Echoes of the gateway's own: an answer is told if it is to one of them.
static void own_echo(void **state)
{
	struct dp_echo e = {.src = global(0, 1), .dst = global(0, 2), .sequence = 9, .size = 101};
	struct dp_event event = {0};
	struct frame f;

	(void)state;
	assert_int_equal(dp_echo_send(dp, &e), 0);
	assert_true(wire_recv(&wires[0], &f, 10000));
	assert_int_equal(f.len, ETHER + 101);
	assert_int_equal(after(&f)[0], 128);
	assert_int_equal(after(&f)[7], 9);
	assert_true(sum_holds(&f, IPPROTO_ICMPV6));
	answer(&f, &e, 1); // somebody else's
	answer(&f, &e, 1);
	for (unsigned i = 0; i < 10000 && event.kind != DP_EVENT_ECHO; i++)
		if (!dp_events(dp, &event, 1))
			usleep(1000);
	assert_int_equal(event.kind, DP_EVENT_ECHO);
	assert_int_equal(event.port, 9);
	assert_true(addr_equal(&event.addr, &e.dst));
	assert_true(addr_equal(&event.local, &e.src));
	e.size = 47;
	assert_int_equal(dp_echo_send(dp, &e), -EMSGSIZE);
	e.size = HEADER + 8 * 1448 + 1; // more than eight fragments
	assert_int_equal(dp_echo_send(dp, &e), -EMSGSIZE);
	e.size = 100;
	e.src = addr_v4(0x0a000001);
	assert_int_equal(dp_echo_send(dp, &e), -EAFNOSUPPORT);
	e.src = global(0, 1);
	e.dst = global(77, 1);
	assert_int_equal(dp_echo_send(dp, &e), -EHOSTUNREACH);
}

// RFC 4443, 3.1 and 3.4: from the address that was asked (2.2).
static void nobody_listens(void **state)
{
	static const uint8_t options[] = {IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3, 4};
	static const uint8_t nothing[] = {IPPROTO_NONE, 0, 1, 4, 0, 0, 0, 0};
	struct frame f;

	(void)state;
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 1), 9, 9);
	expect_drop(0, &f, "drop local-port");
	expect_icmp(0, global(1, 1), 1, 4, 0);
	frame_udp6(&wires[0], &f, link_local(2), link_local(1), 9, 9);
	expect_drop(0, &f, "drop local-port");
	expect_icmp(0, link_local(1), 1, 4, 0);
	frame_ipv6(&wires[0], &f, global(0, 2), global(0, 1), IPPROTO_TCP, options, 8);
	expect_drop(0, &f, "drop local-protocol");
	expect_icmp(0, global(0, 1), 4, 1, 6);
	frame_ipv6(&wires[0], &f, global(0, 2), global(0, 1), IPPROTO_DSTOPTS, options,
	           sizeof(options));
	expect_drop(0, &f, "drop local-protocol");
	expect_icmp(0, global(0, 1), 4, 1, 40);
	frame_ipv6(&wires[0], &f, global(0, 2), global(0, 1), IPPROTO_DSTOPTS, nothing,
	           sizeof(nothing));
	expect_drop(0, &f, "drop local-protocol");
	silence(0);
}

// Bytes from..to of f's payload as a fragment.
static void fragment_of(const struct frame *whole, struct frame *f, uint32_t id, unsigned from,
                        unsigned to, bool more)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(whole->data + ETHER);
	uint8_t part[WIRE_FRAME_MAX] = {ip->proto, 0, (uint8_t)(from >> 8), (uint8_t)(from | more)};
	struct ip_addr src = addr_from_bytes(6, ip->src_addr),
		       dst = addr_from_bytes(6, ip->dst_addr);

	memcpy(part + 4, &id, 4);
	memcpy(part + 8, whole->data + ETHER + HEADER + from, to - from);
	frame_ipv6(&wires[0], f, src, dst, IPPROTO_FRAGMENT, part, (uint16_t)(8 + to - from));
}

static void fragments_for_us(void **state)
{
	struct frame f, part;

	(void)state;
	frame_echo6(&wires[0], &f, global(0, 2), global(0, 1), 1000);
	fragment_of(&f, &part, 1, 504, 1000, false);
	assert_true(wire_send(&wires[0], &part));
	fragment_of(&f, &part, 1, 0, 504, true);
	assert_true(wire_send(&wires[0], &part));
	expect_echo(global(0, 1), 1000);
	fragment_of(&f, &part, 2, 0, 1000, false); // atomic
	assert_true(wire_send(&wires[0], &part));
	expect_echo(global(0, 1), 1000);
	// An overlap: nothing comes of it.
	fragment_of(&f, &part, 3, 0, 504, true);
	assert_true(wire_send(&wires[0], &part));
	fragment_of(&f, &part, 3, 496, 1000, false);
	assert_true(wire_send(&wires[0], &part));
	silence(0);
	// A length that no fragment but the last may have, and one beyond all packets.
	fragment_of(&f, &part, 4, 0, 501, true);
	expect_drop(0, &part, "drop fragment");
	expect_icmp(0, global(0, 1), 4, 0, 4);
	fragment_of(&f, &part, 5, 0, 1000, false);
	after(&part)[2] = 0xff;
	after(&part)[3] = 0xf8;
	expect_drop(0, &part, "drop fragment");
}

static void ike_in(void **state)
{
	struct dp_view v;
	struct frame f;
	struct ip_addr src = global(0, 2), dst = global(0, 1);

	(void)state;
	frame_udp6(&wires[0], &f, src, dst, 500, 80);
	assert_true(wire_send(&wires[0], &f));
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_NEW, &v), 1);
	assert_true(addr_equal(&v.src, &src));
	assert_true(addr_equal(&v.dst, &dst));
	assert_int_equal(v.src_port, 4000);
	assert_int_equal(v.dst_port, 500);
	assert_false(v.marker);
	assert_int_equal(v.len, 80);
	assert_memory_equal(v.data, after(&f) + 8, 80);
	dp_punt_release(dp, &v, 1);
	frame_udp6(&wires[0], &f, src, dst, 4500, 84);
	memset(after(&f) + 8, 0, 4);
	put_sum(&f, IPPROTO_UDP, 6);
	assert_true(wire_send(&wires[0], &f));
	assert_int_equal(wire_punt(dp, DP_PUNT_IKE_NEW, &v), 1);
	assert_true(v.marker);
	assert_int_equal(v.len, 80);
	dp_punt_release(dp, &v, 1);
	frame_udp6(&wires[0], &f, src, dst, 500, 80);
	after(&f)[6] ^= 1;
	expect_drop(0, &f, "drop udp-checksum");
	memset(after(&f) + 6, 0, 2); // RFC 8200, 8.1: there must be one
	expect_drop(0, &f, "drop udp-checksum");
}

static void ike_out(void **state)
{
	static uint8_t data[4000];
	struct dp_datagram d = {.src = global(0, 1),
	                        .dst = global(0, 2),
	                        .src_port = 500,
	                        .dst_port = 500,
	                        .data = data,
	                        .len = 200};
	unsigned got = 0, parts = 0;
	struct frame r;

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 5);
	assert_int_equal(dp_datagram_send(dp, &d), 0);
	assert_true(wire_recv(&wires[0], &r, 10000));
	assert_true(sum_holds(&r, IPPROTO_UDP));
	assert_memory_equal(after(&r) + 8, data, 200);
	d.len = sizeof(data);
	assert_int_equal(dp_datagram_send(dp, &d), 0);
	while (got < 8 + sizeof(data)) {
		unsigned at, len;

		assert_true(wire_recv(&wires[0], &r, 10000));
		assert_int_equal(ip6(&r)->proto, IPPROTO_FRAGMENT);
		assert_true(r.len <= ETHER + 1500);
		at = (unsigned)(after(&r)[2] << 8 | (after(&r)[3] & 0xf8));
		len = r.len - (unsigned)(ETHER + HEADER + 8);
		assert_int_equal(at, got);
		assert_int_equal(after(&r)[3] & 1, at + len < 8 + sizeof(data));
		if (at)
			assert_memory_equal(after(&r) + 8, data + at - 8, len);
		got += len;
		parts++;
	}
	assert_int_equal(parts, 3);
	d.dst = global(8, 2);
	assert_int_equal(dp_datagram_send(dp, &d), -EHOSTUNREACH);
}

static void neighbour_wanted(void **state)
{
	struct ip_addr who = global(1, 77);
	struct dp_event ev = {.kind = DP_EVENT_LINK};
	struct frame f, r;

	(void)state;
	frame_udp6(&wires[0], &f, global(0, 2), who, 9, 30);
	assert_true(wire_send(&wires[0], &f));
	for (unsigned i = 0; i < 10000 && ev.kind != DP_EVENT_NEIGHBOUR_WANTED; i++) {
		if (!dp_events(dp, &ev, 1))
			usleep(1000);
	}
	assert_int_equal(ev.kind, DP_EVENT_NEIGHBOUR_WANTED);
	assert_int_equal(ev.iface, 1);
	assert_true(addr_equal(&ev.addr, &who));
	know(1, who);
	assert_true(wire_recv(&wires[1], &r, 10000));
	assert_memory_equal(ip6(&r)->dst_addr, who.bytes, 16);
	dp_neighbour_del(dp, 1, &who);
}

// Nothing that the policy protects leaves or comes in clear.
static void policy(void **state)
{
	struct ip_addr inside = global(0, 0), outside = global(1, 0);
	struct dp_policy_rule rule = {.iface = 1,
	                              .sequence = 10,
	                              .line = 1,
	                              .permit = true,
	                              .local = prefix_make(&inside, 64),
	                              .remote = prefix_make(&outside, 64),
	                              .proto = IPPROTO_UDP,
	                              .local_port_lo = 0,
	                              .local_port_hi = UINT16_MAX,
	                              .remote_port_lo = 9,
	                              .remote_port_hi = 9};
	struct dp_tunnel_spec tunnel = {.iface = 1, .peer = DP_NO_PEER};
	struct dp_event ev = {.kind = DP_EVENT_LINK};
	struct handle h;
	struct frame f, r;

	(void)state;
	set_iface(1, 1500, true);
	tunnel.selector.local = rule.local;
	tunnel.selector.remote = rule.remote;
	assert_int_equal(dp_tunnel_add(dp, &tunnel, &rule.tunnel), 0);
	assert_int_equal(dp_policy_add(dp, &rule, &h), 0);
	usleep(50000);
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 9, 30);
	assert_true(wire_send(&wires[0], &f));
	for (unsigned i = 0; i < 10000 && ev.kind != DP_EVENT_ACQUIRE; i++)
		if (!dp_events(dp, &ev, 1))
			usleep(1000);
	assert_int_equal(ev.kind, DP_EVENT_ACQUIRE); // it is held
	assert_true(handle_equal(ev.tunnel, rule.tunnel));
	silence(1);
	frame_udp6(&wires[0], &f, global(0, 2), global(1, 2), 10, 30);
	assert_true(wire_send(&wires[0], &f));
	assert_true(wire_recv(&wires[1], &r, 10000));
	frame_udp6(&wires[1], &f, global(1, 2), global(0, 2), 10, 30);
	after(&f)[0] = 0; // from port 9
	after(&f)[1] = 9;
	expect_drop(1, &f, "drop policy-clear-in");
	fragment_of(&f, &r, 9, 0, 16, true);
	frame_ether(&wires[1], &r, RTE_ETHER_TYPE_IPV6);
	expect_drop(1, &r, "drop policy-clear-in");
	fragment_of(&f, &r, 9, 16, 38, false);
	frame_ether(&wires[1], &r, RTE_ETHER_TYPE_IPV6);
	expect_drop(1, &r, "drop policy-fragment");
	dp_policy_del(dp, h);
	dp_tunnel_del(dp, rule.tunnel);
	set_iface(1, 1500, false);
}

static unsigned in_use(void)
{
	return rte_mempool_in_use_count(rte_mempool_lookup("packets")) +
	       rte_mempool_in_use_count(rte_mempool_lookup("packets_big"));
}

static void no_packet_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 7000 && in_use() > baseline; i++)
		usleep(1000); // incomplete datagrams time out
	assert_int_equal(in_use(), baseline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwarded),
		cmocka_unit_test(by_a_gateway),
		cmocka_unit_test(queries),
		cmocka_unit_test(drops),
		cmocka_unit_test(options_for_us),
		cmocka_unit_test(scope_ends_here),
		cmocka_unit_test(a_host),
		cmocka_unit_test(errors),
		cmocka_unit_test(an_mtu_of_its_own),
		cmocka_unit_test(echo),
		cmocka_unit_test(echo_to_all),
		cmocka_unit_test(own_echo),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(fragments_for_us),
		cmocka_unit_test(ike_in),
		cmocka_unit_test(ike_out),
		cmocka_unit_test(neighbour_wanted),
		cmocka_unit_test(policy),
		cmocka_unit_test(no_packet_is_lost),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
