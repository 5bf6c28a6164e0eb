// IPv6 by itself: the chain of extension headers, an interface's addresses and their routes,
// neighbours of both families and who is told that one does not answer, the rules of ICMPv6 errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "addr.h"
#include "adjacency.h"
#include "gate.h"
#include "icmp6.h"
#include "iface6.h"
#include "ipv6.h"

#define HEADER 40

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

// ---- the chain of headers ----------------------------------------------------------------------

// A packet whose first header behind IPv6's is `proto`.
static uint32_t packet(uint8_t *to, uint8_t proto, const void *payload, uint32_t len)
{
	memset(to, 0, HEADER);
	to[0] = 0x60;
	to[4] = (uint8_t)(len >> 8);
	to[5] = (uint8_t)len;
	to[6] = proto;
	memcpy(to + HEADER, payload, len);
	return HEADER + len;
}

static void chains(void **state)
{
	static const struct {
		const char *name;
		uint8_t proto, len;
		uint8_t bytes[64];
		bool right;
		struct ipv6_chain chain;
	} cases[] = {
		{"TCP", 6, 20, {0}, true, {.payload = 40, .proto = 6}},
		{"nothing", 59, 0, {0}, true, {.payload = 40, .proto = 59}},
		{"options", 0, 9, {17, 0, 1, 4}, true, {.payload = 48, .proto = 17}},
		{"all of them",
	         0,
	         33,
	         {60, 0, 0, 1, 3, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, //
	          60, 0, 2, 0, 0, 0, 0, 0, 50, 0, 5, 2, 0, 0, 1, 0},
	         true,
	         {.payload = 72, .proto = 50}},
		{"a routing header", 43, 8, {59, 0, 0, 1}, true, {48, .proto = 59, .routed = 40}},
		{"one that has nothing to say", 43, 8, {59, 0, 0, 0}, true, {48, .proto = 59}},
		{"the first fragment",
	         44,
	         16,
	         {60, 0, 0, 1, 0, 0, 0, 7, 6, 0, 1, 4},
	         true,
	         {.payload = 56, .fragment = 40, .proto = 6}},
		{"a later fragment: nothing behind it is a header",
	         44,
	         16,
	         {60, 0, 0, 9, 0, 0, 0, 7, 6, 255, 1, 4},
	         true,
	         {.payload = 48, .fragment = 40, .proto = 60, .later = true, .hidden = true}},
		{"an option that may be passed over", 60, 8, {6, 0, 5, 2}, true, {48, .proto = 6}},
		{"one that may not",
	         60,
	         16,
	         {6, 1, 1, 2, 0, 0, 0xc2, 4, 0, 0, 0, 0},
	         true,
	         {48 + 8, .option = 46, .proto = 6}},
		{"one that is longer than its header",
	         60,
	         8,
	         {6, 0, 0, 0, 5, 3},
	         true,
	         {48, .option = 44, .proto = 6}},
		{"padding without a length",
	         60,
	         8,
	         {6, 0, 0, 0, 0, 0, 0, 1},
	         true,
	         {48, .option = 47, .proto = 6}},
		{"hop-by-hop options behind others", 60, 16, {0, 0, 1, 4, [8] = 6, 0, 1, 4}, false},
		{"two fragment headers", 44, 17, {44, 0, 0, 1, [8] = 6}, false},
		{"a header that is not there", 60, 0, {0}, false},
		{"a header that is cut short", 60, 15, {6, 1, 1, 4}, false},
		{"a fragment header that is cut short", 44, 7, {6}, false},
	};
	struct ipv6_chain got;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		uint8_t bytes[128];
		uint32_t len = packet(bytes, cases[i].proto, cases[i].bytes, cases[i].len);
		const struct ipv6_chain *want = &cases[i].chain;

		if (ipv6_chain(bytes, len, &got) != cases[i].right)
			fail_msg("%s", cases[i].name);
		if (cases[i].right &&
		    (got.payload != want->payload || got.fragment != want->fragment ||
		     got.option != want->option || got.proto != want->proto ||
		     got.later != want->later || got.hidden != want->hidden ||
		     got.routed != want->routed))
			fail_msg("%s: payload %u, protocol %u", cases[i].name, got.payload,
			         got.proto);
	}
}

// So many headers and no more.
static void long_chains(void **state)
{
	uint8_t bytes[HEADER + 8 * 12], options[8 * 12] = {0};
	struct ipv6_chain chain;
	uint32_t len;

	(void)state;
	for (unsigned n = 1; n <= IPV6_EXTENSIONS_MAX + 1; n++) {
		for (unsigned i = 0; i < n; i++)
			memcpy(options + i * 8, (uint8_t[4]){i + 1 < n ? 60 : 6, 0, 1, 4}, 4);
		len = packet(bytes, 60, options, n * 8);
		assert_int_equal(ipv6_chain(bytes, len, &chain), n <= IPV6_EXTENSIONS_MAX);
	}
}

static void whole_packets(void **state)
{
	uint8_t bytes[HEADER + 8] = {0};
	uint32_t total;

	(void)state;
	packet(bytes, 6, "12345678", 8);
	assert_true(ipv6_is_whole(bytes, sizeof(bytes), &total));
	assert_int_equal(total, sizeof(bytes));
	assert_false(ipv6_is_whole(bytes, sizeof(bytes) - 1, &total));
	assert_false(ipv6_is_whole(bytes, HEADER - 1, &total));
	bytes[5] = 3;
	assert_true(ipv6_is_whole(bytes, sizeof(bytes), &total));
	assert_int_equal(total, HEADER + 3);
	bytes[5] = 0; // a jumbogram, if anything
	assert_false(ipv6_is_whole(bytes, sizeof(bytes), &total));
	bytes[6] = 59;
	assert_true(ipv6_is_whole(bytes, sizeof(bytes), &total));
	bytes[0] = 0x45;
	assert_false(ipv6_is_whole(bytes, sizeof(bytes), &total));
}

// ---- an interface's addresses ------------------------------------------------------------------

static void give(struct dp_iface_config *c, const char *text, uint8_t len)
{
	struct dp_address6 *a = &c->addresses6[c->n_addresses6++];

	a->address = ip(text);
	a->network = prefix_make(&a->address, len);
}

static int apply(uint16_t iface, const struct dp_iface_config *c)
{
	struct iface *i = &gate.ifaces[iface];
	int rc = iface6_routes(&gate, iface, &i->config, c);

	if (rc)
		return rc;
	i->config = *c;
	iface6_publish(i);
	return 0;
}

static enum route_kind kind_of(const char *text)
{
	const struct ip_addr a = ip(text);

	return (enum route_kind)route_hop(gate.routes, route_lookup6(gate.routes, a.bytes))->kind;
}

// Its address towards another one.
static void towards(uint16_t iface, const char *dst, const char *text)
{
	uint8_t got[16];

	assert_int_equal(iface6_address(&gate.ifaces[iface], ip(dst).bytes, got), text != NULL);
	if (text)
		assert_memory_equal(got, ip(text).bytes, 16);
}

static void has(uint16_t iface, bool link_local, const char *text)
{
	towards(iface, link_local ? "fe80::99" : "2001:db8:99::1", text);
}

// Unique local addresses are not of the Internet, whatever comes first.
static void addresses_by_destination(void **state)
{
	struct dp_iface_config a = {.up = true}, b = {.up = true};

	(void)state;
	give(&a, "fe80::1", 64);
	give(&a, "fd00:1::1", 64);
	assert_int_equal(apply(0, &a), 0);
	towards(0, "2001:db8::9", "fd00:1::1"); // there is no other
	give(&a, "2001:db8::1", 64);
	give(&a, "2001:db8:5::1", 64);
	assert_int_equal(apply(0, &a), 0);
	towards(0, "2001:db8::9", "2001:db8::1");
	towards(0, "fd00:9::9", "fd00:1::1");
	towards(0, "fe80::9", "fe80::1");
	give(&b, "2001:db8::1", 64);
	assert_int_equal(apply(0, &b), 0);
	towards(0, "fd00:9::9", "2001:db8::1");
	towards(0, "fe80::9", NULL);
}

static void addresses_and_their_routes(void **state)
{
	struct dp_iface_config a = {.up = true}, b = {.up = true}, c = {.up = true};
	const struct ip_addr ll = ip("fe80::1");

	(void)state;
	give(&a, "fe80::1", 64);
	give(&a, "2001:db8::1", 64);
	give(&a, "2001:db8::2", 64);
	give(&a, "2001:db8:1::1", 128);
	has(0, true, NULL);
	assert_int_equal(apply(0, &a), 0);
	has(0, true, "fe80::1");
	has(0, false, "2001:db8::1");
	assert_int_equal(kind_of("2001:db8::1"), ROUTE_LOCAL);
	assert_int_equal(kind_of("2001:db8::3"), ROUTE_CONNECTED);
	assert_int_equal(kind_of("2001:db8:1::1"), ROUTE_LOCAL);
	assert_int_equal(kind_of("2001:db8:1::2"), ROUTE_UNREACHABLE);
	assert_int_equal(kind_of("fe80::1"), ROUTE_UNREACHABLE);
	assert_true(route_is_own_link_local(gate.routes, 0, ll.bytes));
	assert_false(route_is_own_link_local(gate.routes, 1, ll.bytes));

	// The network stays while an address of it does.
	give(&b, "fe80::1", 64);
	give(&b, "2001:db8::2", 64);
	assert_int_equal(apply(0, &b), 0);
	has(0, false, "2001:db8::2");
	assert_int_equal(kind_of("2001:db8::1"), ROUTE_CONNECTED);
	assert_int_equal(kind_of("2001:db8::2"), ROUTE_LOCAL);
	assert_int_equal(kind_of("2001:db8:1::1"), ROUTE_UNREACHABLE);

	// Another interface has it: nothing of this one's has come or gone.
	give(&c, "fe80::1", 64);
	give(&c, "2001:db8:2::1", 64);
	give(&c, "2001:db8::9", 64);
	assert_int_equal(apply(1, &c), -EEXIST);
	assert_int_equal(kind_of("2001:db8:2::1"), ROUTE_UNREACHABLE);
	assert_int_equal(kind_of("2001:db8::9"), ROUTE_CONNECTED);
	assert_false(route_is_own_link_local(gate.routes, 1, ll.bytes));

	b.up = false;
	assert_int_equal(apply(0, &b), 0);
	has(0, true, NULL);
	has(0, false, NULL);
	assert_int_equal(kind_of("2001:db8::2"), ROUTE_UNREACHABLE);
	assert_false(route_is_own_link_local(gate.routes, 0, ll.bytes));
	assert_int_equal(apply(1, &c), 0);
}

// ---- neighbours --------------------------------------------------------------------------------

static int start(void **state)
{
	struct dp_iface_config c = {.up = true, .mtu = 1500};
	int rc = gate_start(state);

	if (rc || adjacency_init(&gate) || adjacency_wait_init(gate.workers[0]))
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		gate.ifaces[i].flags = IFACE_UP;
		gate.ifaces[i].n_tx = GATE_WORKERS;
	}
	give(&c, "fe80::1", 64);
	give(&c, "2001:db8::1", 64);
	return apply(0, &c);
}

static int stop(void **state)
{
	adjacency_wait_fini(gate.workers[0]);
	adjacency_fini(&gate);
	return gate_stop(state);
}

// A UDP packet that came in on interface 0 and has been routed to this next hop on interface 1.
static struct rte_mbuf *routed(const char *src, const char *next_hop, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	struct rte_ipv6_hdr *h = (struct rte_ipv6_hdr *)rte_pktmbuf_append(m, HEADER + len);

	memset(h, 0, HEADER + (size_t)len);
	h->vtc_flow = rte_cpu_to_be_32(6u << 28);
	h->payload_len = rte_cpu_to_be_16(len);
	h->proto = IPPROTO_UDP;
	h->hop_limits = 63;
	memcpy(h->src_addr, ip(src).bytes, 16);
	memcpy(h->dst_addr, ip("2001:db8:7::7").bytes, 16);
	packet_init(m, 0, 1000);
	packet_of(m)->kind = PACKET_ROUTE6;
	packet_of(m)->out = 1;
	memcpy(packet_of(m)->next_hop6, ip(next_hop).bytes, 16);
	return m;
}

static struct rte_mbuf *routed4(void)
{
	struct rte_mbuf *m = gate_packet(100, (struct handle){0});

	packet_of(m)->next_hop = rte_cpu_to_be_32(0xc0000263); // 192.0.2.99
	return m;
}

static uint16_t pass(struct rte_mbuf *m)
{
	struct worker *w = gate.workers[0];
	uint16_t n = adjacency(w, &m, 1);

	tx(w, &m, n);
	return n;
}

// Takes what is on its way into interface 1's port.
static unsigned sent(const uint8_t mac[6], uint16_t type)
{
	struct worker_tx *t = &gate.workers[0]->tx[1];
	unsigned n = t->n;

	for (unsigned i = 0; i < n; i++) {
		const struct rte_ether_hdr *eth =
			rte_pktmbuf_mtod(t->pkts[i], const struct rte_ether_hdr *);

		assert_memory_equal(&eth->dst_addr, mac, 6);
		assert_int_equal(rte_be_to_cpu_16(eth->ether_type), type);
		rte_pktmbuf_free(t->pkts[i]);
	}
	t->n = 0;
	return n;
}

// What the workers are told, as worker.c does.
static void tell(void)
{
	struct message msg;

	while (rte_ring_sc_dequeue_elem(gate.workers[0]->messages, &msg, sizeof(msg)) == 0) {
		const struct adjacency_key key = adjacency_key6(msg.iface, msg.addr6);

		if (msg.kind == MESSAGE_NEIGHBOUR)
			adjacency_release(gate.workers[0], &key);
		else
			adjacency_give_up(gate.workers[0], &key);
	}
}

static void neighbours_of_both_families(void **state)
{
	static const uint8_t six[6] = {2, 0, 0, 0, 0, 6}, four[6] = {2, 0, 0, 0, 0, 4};
	const struct ip_addr hop = ip("fe80::99"), hop4 = ip("192.0.2.99");
	struct dp_event ev;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(pass(routed("2001:db8::2", "fe80::99", 30)), 0);
	assert_int_equal(gate_counter(DROP_NEIGHBOUR_FULL), 2);
	assert_int_equal(pass(routed4()), 0);
	ev = gate_event(DP_EVENT_NEIGHBOUR_WANTED);
	assert_int_equal(ev.iface, 1);
	assert_true(addr_equal(&ev.addr, &hop));
	ev = gate_event(DP_EVENT_NEIGHBOUR_WANTED);
	assert_true(addr_equal(&ev.addr, &hop4));
	assert_int_equal(gate_events(DP_EVENT_NEIGHBOUR_WANTED), 0);

	assert_int_equal(dp_neighbour_set(&gate, 0, &hop, four), 0); // on another link
	tell();
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 0);
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop, six), 0);
	tell();
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 4);
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop4, four), 0);
	tell();
	assert_int_equal(sent(four, RTE_ETHER_TYPE_IPV4), 1);
	assert_int_equal(pass(routed("2001:db8::2", "fe80::99", 30)), 1);
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 1);
	assert_int_equal(pass(routed4()), 1);
	assert_int_equal(sent(four, RTE_ETHER_TYPE_IPV4), 1);

	dp_neighbour_del(&gate, 1, &hop);
	tell();
	assert_int_equal(pass(routed("2001:db8::2", "fe80::99", 30)), 0);
	assert_int_equal(pass(routed4()), 1);
	assert_int_equal(sent(four, RTE_ETHER_TYPE_IPV4), 1);
}

// DP_NEIGHBOURS_MAX of them, and as many others when they have gone.
static void room_for_neighbours(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 6};
	struct rte_ether_addr found;

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < DP_NEIGHBOURS_MAX; i++) {
			struct ip_addr a = addr_v4((10 + round) << 24 | i), before = a;

			before.bytes[0]--;
			dp_neighbour_del(&gate, 1, &before);
			assert_int_equal(dp_neighbour_set(&gate, 1, &a, mac), 0);
			if (i % 32 == 0)
				gate_turn();
		}
		for (uint32_t i = 0; i < DP_NEIGHBOURS_MAX; i++) {
			struct adjacency_key key =
				adjacency_key4(1, rte_cpu_to_be_32((10 + round) << 24 | i));

			assert_true(adjacency_find(&gate, &key, &found));
		}
	}
	gate_turn();
}

// A packet that comes when the neighbour is known, but before its worker is told, lets those go
// first that wait.
static void who_waits_is_not_overtaken(void **state)
{
	static const uint8_t six[6] = {2, 0, 0, 0, 0, 6};
	const struct ip_addr hop = ip("fe80::99");
	struct rte_mbuf *first = routed("2001:db8::2", "fe80::99", 30);
	struct worker_tx *t = &gate.workers[0]->tx[1];

	(void)state;
	assert_int_equal(pass(first), 0);
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop, six), 0);
	pass(routed("2001:db8::2", "fe80::99", 30));
	assert_int_equal(t->n, 2);
	assert_ptr_equal(t->pkts[0], first);
	tell();
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 2);
}

// What waits in clear where there is a crypto map was judged by rules that may have changed since.
static void rules_change_meanwhile(void **state)
{
	static const uint8_t six[6] = {2, 0, 0, 0, 0, 6};
	const struct ip_addr hop = ip("fe80::99");
	struct rte_mbuf *outer;

	(void)state;
	gate.ifaces[1].flags |= IFACE_CRYPTO_MAP;
	pass(routed("2001:db8::2", "fe80::99", 30));
	outer = routed("2001:db8::1", "fe80::99", 30);
	packet_of(outer)->flags = PACKET_MADE | PACKET_NO_POLICY;
	pass(outer);
	dp_policy_hold(&gate, 1, true);
	dp_policy_hold(&gate, 1, false);
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop, six), 0);
	tell();
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 1);
	assert_int_equal(gate_counter(DROP_POLICY_HELD), 1);
	pass(routed("2001:db8::2", "fe80::99", 30));
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 1);
}

static struct rte_mbuf *made(unsigned i)
{
	assert_true(i < gate.workers[0]->n_made);
	return gate.workers[0]->made[i];
}

// RFC 4861, 7.2.2; RFC 1812, 5.2.7.1.
static void who_sent_it_is_told(void **state)
{
	const struct ip_addr hop = ip("fe80::99");
	struct worker *w = gate.workers[0];
	struct rte_mbuf *m;

	(void)state;
	pass(routed("2001:db8::2", "fe80::99", 30));
	m = routed("2001:db8::1", "fe80::99", 30);
	packet_of(m)->flags = PACKET_MADE; // not about the gateway's own
	pass(m);
	dp_neighbour_del(&gate, 1, &hop); // the control core gives up
	tell();
	assert_int_equal(w->n_made, 1);
	m = made(0);
	assert_int_equal(packet_of(m)->kind, PACKET_ROUTE6);
	assert_memory_equal(packet_ip6(m)->src_addr, ip("2001:db8::1").bytes, 16);
	assert_memory_equal(packet_ip6(m)->dst_addr, ip("2001:db8::2").bytes, 16);
	assert_memory_equal(packet_ip6(m) + 1, "\1\3", 2);

	pass(routed4()); // nobody says anything, and it waits no more
	gate_tick(w->now + ticks_from_seconds(2));
	adjacency_tick(w);
	assert_int_equal(w->n_made, 1);
	gate_tick(w->now + ticks_from_seconds(2));
	adjacency_tick(w);
	assert_int_equal(w->n_made, 2);
	assert_memory_equal(packet_ip(made(1)) + 1, "\3\1", 2);
	assert_int_equal(gate_counter(DROP_NEIGHBOUR_TIMEOUT), 3);
}

// RFC 4861, 7.2.2; RFC 1122, 2.3.2.2.
static void the_newest_wait(void **state)
{
	static const uint8_t six[6] = {2, 0, 0, 0, 0, 6};
	const struct ip_addr hop = ip("fe80::99");
	struct worker_tx *t = &gate.workers[0]->tx[1];
	struct rte_mbuf *pkts[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		pkts[i] = routed("2001:db8::2", "fe80::99", 30);
		pass(pkts[i]);
	}
	assert_int_equal(gate_counter(DROP_NEIGHBOUR_FULL), 2);
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop, six), 0);
	tell();
	assert_int_equal(t->n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(t->pkts[i], pkts[i + 2]);
	assert_int_equal(sent(six, RTE_ETHER_TYPE_IPV6), 4);
}

// RFC 6583: who looks for neighbours that are not there keeps nobody else's from being asked for,
// nor does the control core have to ask for all of them.
static void a_scan(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 6};
	const struct ip_addr hop = ip("fe80::99");
	struct worker *w = gate.workers[0];
	unsigned asked = 0;
	struct dp_event ev;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) { // ten a tick
		snprintf(text, sizeof(text), "fe80::1:%x", i + 1);
		pass(routed("2001:db8::2", text, 30));
		asked += gate_events(DP_EVENT_NEIGHBOUR_WANTED);
		if (i % 10 == 9)
			gate_tick(w->now + 1);
	}
	assert_in_range(asked, 900, 1000);
	assert_int_equal(gate_counter(DROP_NEIGHBOUR_FULL), 1000 - 64);
	pass(routed("2001:db8::2", "fe80::99", 30));
	ev = gate_event(DP_EVENT_NEIGHBOUR_WANTED);
	assert_true(addr_equal(&ev.addr, &hop));
	for (unsigned i = 0; i < 1000; i++) { // as fast as it can
		snprintf(text, sizeof(text), "fe80::2:%x", i + 1);
		pass(routed("2001:db8::2", text, 30));
		asked = gate_events(DP_EVENT_NEIGHBOUR_WANTED);
	}
	assert_int_equal(asked, 0);
	// What waits for an answer has time for it.
	assert_int_equal(dp_neighbour_set(&gate, 1, &hop, mac), 0);
	tell();
	assert_int_equal(sent(mac, RTE_ETHER_TYPE_IPV6), 1);
}

// ---- ICMPv6 errors -----------------------------------------------------------------------------

// About a packet that is freed then. True: one was made, and freed as well if it is not wanted.
static bool told(struct rte_mbuf *m, struct rte_mbuf **error)
{
	struct worker *w = gate.workers[0];
	bool is_told;

	icmp6_error(w, m, ICMP6_TOO_BIG, 0, 1280);
	rte_pktmbuf_free(m);
	is_told = w->n_made == 1;
	if (is_told && error)
		*error = w->made[0];
	else if (is_told)
		rte_pktmbuf_free(w->made[0]);
	w->n_made = 0;
	return is_told;
}

static struct rte_mbuf *with_icmp(uint8_t type)
{
	struct rte_mbuf *m = routed("2001:db8::2", "fe80::99", 30);

	packet_ip6(m)->proto = IPPROTO_ICMPV6;
	*rte_pktmbuf_mtod_offset(m, uint8_t *, HEADER) = type;
	return m;
}

// RFC 4443, 2.4.
static void rules_of_errors(void **state)
{
	struct rte_mbuf *m, *error;

	(void)state;
	assert_true(told(routed("2001:db8::2", "fe80::99", 1400), &error));
	assert_int_equal(rte_pktmbuf_pkt_len(error), 1280);
	assert_int_equal(rte_be_to_cpu_16(packet_ip6(error)->payload_len), 1240);
	assert_memory_equal(packet_ip6(error)->src_addr, ip("2001:db8::1").bytes, 16);
	assert_memory_equal(packet_ip6(error) + 1, "\2\0", 2);
	assert_int_equal(ipv6_sum(packet_ip6(error), IPPROTO_ICMPV6, packet_ip6(error) + 1, 1240),
	                 0xffff);
	rte_pktmbuf_free(error);
	assert_true(told(routed("fe80::2", "fe80::99", 30), &error)); // the scope is its own
	assert_memory_equal(packet_ip6(error)->src_addr, ip("fe80::1").bytes, 16);
	rte_pktmbuf_free(error);
	assert_true(told(with_icmp(128), NULL));
	assert_false(told(with_icmp(1), NULL));
	assert_false(told(with_icmp(127), NULL));
	assert_false(told(with_icmp(137), NULL)); // a redirect
	m = with_icmp(0);
	rte_pktmbuf_trim(m, 30); // its type is not there
	assert_false(told(m, NULL));
	assert_false(told(routed("::", "fe80::99", 30), NULL));
	assert_false(told(routed("ff02::1", "fe80::99", 30), NULL));
	m = routed("2001:db8::2", "fe80::99", 30);
	packet_of(m)->flags = PACKET_MADE;
	assert_false(told(m, NULL));
	m = routed("2001:db8::2", "fe80::99", 30);
	packet_of(m)->in = 1; // which has no address: the other one's
	packet_of(m)->out = 0;
	assert_true(told(m, NULL));
	m = routed("fe80::2", "fe80::99", 30); // but not another link's
	packet_of(m)->in = 1;
	packet_of(m)->out = 0;
	assert_false(told(m, NULL));
}

static void not_without_end(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		n += told(routed("2001:db8::2", "fe80::99", 30), NULL);
	assert_in_range(n, 10, 100);
	assert_int_equal(gate_counter(COUNT_ICMP_LIMITED), 200 - n);
	gate_tick(gate.workers[0]->now + ticks_from_seconds(1));
	assert_true(told(routed("2001:db8::2", "fe80::99", 30), NULL));
}

// RFC 8200, 4.2: the two upper bits of an option's type say what becomes of its packet.
static void options_that_want_an_answer(void **state)
{
	static const struct {
		uint8_t type;
		bool is_told;
	} cases[] = {{0x42, false}, {0x82, true}, {0xc2, true}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct rte_mbuf *m = routed("2001:db8::2", "fe80::99", 30);
		struct worker *w = gate.workers[0];

		*rte_pktmbuf_mtod_offset(m, uint8_t *, HEADER + 2) = cases[i].type;
		*rte_pktmbuf_mtod_offset(m, uint8_t *, HEADER) = IPPROTO_NONE;
		packet_ip6(m)->proto = IPPROTO_DSTOPTS;
		local6(w, m);
		assert_int_equal(w->n_made, cases[i].is_told);
		if (w->n_made) {
			assert_memory_equal(packet_ip6(w->made[0]) + 1, "\4\2", 2);
			assert_memory_equal((uint8_t *)(packet_ip6(w->made[0]) + 1) + 4,
			                    "\0\0\0\x2a", 4);
			rte_pktmbuf_free(w->made[0]);
		}
		w->n_made = 0;
	}
}

// RFC 8200, 4.4: a routing header that we are to heed. Its type is what is wrong.
static void routing_headers(void **state)
{
	struct worker *w = gate.workers[0];

	(void)state;
	for (unsigned left = 0; left < 2; left++) {
		struct rte_mbuf *m = routed("2001:db8::2", "fe80::99", 8);

		memcpy(packet_ip6(m) + 1, (uint8_t[4]){IPPROTO_NONE, 0, 4, (uint8_t)left}, 4);
		packet_ip6(m)->proto = IPPROTO_ROUTING;
		packet_of(m)->flags = PACKET_DECRYPTED;
		local6(w, m);
		assert_int_equal(w->n_made, left);
		assert_int_equal(gate_counter(DROP_IP_OPTIONS), left);
	}
	assert_memory_equal(packet_ip6(w->made[0]) + 1, "\4\0", 2);
	assert_memory_equal((uint8_t *)(packet_ip6(w->made[0]) + 1) + 4, "\0\0\0\x2a", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains),
		cmocka_unit_test(long_chains),
		cmocka_unit_test(whole_packets),
		cmocka_unit_test_setup_teardown(addresses_by_destination, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(addresses_and_their_routes, gate_start, gate_stop),
		cmocka_unit_test_setup_teardown(room_for_neighbours, start, stop),
		cmocka_unit_test_setup_teardown(neighbours_of_both_families, start, stop),
		cmocka_unit_test_setup_teardown(rules_change_meanwhile, start, stop),
		cmocka_unit_test_setup_teardown(who_waits_is_not_overtaken, start, stop),
		cmocka_unit_test_setup_teardown(who_sent_it_is_told, start, stop),
		cmocka_unit_test_setup_teardown(the_newest_wait, start, stop),
		cmocka_unit_test_setup_teardown(a_scan, start, stop),
		cmocka_unit_test_setup_teardown(rules_of_errors, start, stop),
		cmocka_unit_test_setup_teardown(not_without_end, start, stop),
		cmocka_unit_test_setup_teardown(options_that_want_an_answer, start, stop),
		cmocka_unit_test_setup_teardown(routing_headers, start, stop),
	};

	return cmocka_run_group_tests_name("ipv6", tests, eal_start, eal_stop);
}
