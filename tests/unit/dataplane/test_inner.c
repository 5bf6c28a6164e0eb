// What came out of a tunnel is asked what a packet is that comes in clear: a source that a host may
// have, no source route. It does not go back out in clear, and errors about it have somebody to go
// to. And what the gateway makes of such packets is bounded.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr.h"
#include "gate.h"
#include "iface6.h"
#include "lost.h"
#include "split.h"
#include "suites.h"

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

// Packets from anywhere to 10.2.0.0/16.
static struct gate_flow from_anywhere(uint8_t len, uint32_t net)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct ip_addr addr = addr_v4(net);

	spec.selector.local = prefix_make(&addr, len);
	return gate_flow_make(spec);
}

// NULL: it did not come out of the tunnel again.
static struct rte_mbuf *pass(const struct gate_flow *f, uint32_t src, const uint8_t options[8])
{
	struct rte_mbuf *m = gate_packet(100, f->tunnel);
	struct rte_ipv4_hdr *ip = packet_ip(m);

	ip->src_addr = rte_cpu_to_be_32(src);
	if (options) {
		ip->version_ihl = 0x47;
		packet_of(m)->ihl = 28;
		memcpy(ip + 1, options, 8);
	}
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	assert_int_equal(esp_out(gate_owner(f), &m, 1), 1);
	return gate_decrypt(&m) ? m : NULL;
}

static void sources(void **state)
{
	static const uint32_t bad[] = {0x7f000001, 0x00000000, 0x00010203, 0xe0000001, 0xffffffff};
	struct gate_flow any = from_anywhere(0, 0);

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++)
		assert_null(pass(&any, bad[i], NULL));
	assert_int_equal(gate_counter(DROP_IP_SOURCE), RTE_DIM(bad));
	rte_pktmbuf_free(pass(&any, 0x08080808, NULL));
	rte_pktmbuf_free(pass(&any, 0xdfffffff, NULL));
	assert_int_equal(gate_counter(COUNT_DECRYPTED), 2);
}

// Whose selector has no room for them is not asked.
static void wide_selectors(void **state)
{
	static const struct {
		uint32_t net;
		uint8_t len;
		bool wide;
	} cases[] = {{0, 0, true},           {0x80000000, 1, true},  {0x0a000000, 8, false},
	             {0x40000000, 2, true},  {0x40000000, 3, false}, {0x60000000, 3, true},
	             {0x7f000000, 8, true},  {0x7f010203, 32, true}, {0xc0000000, 3, false},
	             {0xe0000000, 3, true},  {0xe0000000, 24, true}, {0x08000000, 5, false},
	             {0x00000000, 24, true}, {0xc0a80000, 16, false}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct gate_flow f = from_anywhere(cases[i].len, cases[i].net);
		const struct sa *sa = sa_table_at(gate.sas, f.in.index);

		assert_int_equal(sa->is_wide, cases[i].wide);
		assert_int_equal(sa->asks != 0, cases[i].wide);
	}
}

static void source_routes(void **state)
{
	static const uint8_t loose[8] = {131, 7, 4, 10, 0, 0, 1}, strict[8] = {1, 137, 7, 4, 10};
	static const uint8_t broken[8] = {7, 9, 4}, record[8] = {7, 7, 4};
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));

	(void)state;
	assert_null(pass(&f, 0x0a010001, loose));
	assert_null(pass(&f, 0x0a010001, strict));
	assert_null(pass(&f, 0x0a010001, broken));
	assert_int_equal(gate_counter(DROP_IP_OPTIONS), 3);
	rte_pktmbuf_free(pass(&f, 0x0a010001, record));
	assert_int_equal(gate_counter(COUNT_DECRYPTED), 1);
}

// RFC 1812, 5.2.2 and RFC 1122, 3.2.1.2: a damaged header stays one on its way through, and is
// dropped before a new checksum would hide it.
static void damaged_headers(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct worker *w = gate_owner(&f);
	struct rte_mbuf *m[3], *parts[WORKER_BURST];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		m[i] = gate_packet(1400, f.tunnel);
		packet_ip(m[i])->packet_id = 1;
		assert_int_equal(esp_out(w, &m[i], 1), 1);
		assert_true(gate_decrypt(&m[i]));
		assert_int_not_equal(rte_ipv4_cksum(packet_ip(m[i])), 0);
	}
	gate.ifaces[1].mtu = 1000;
	packet_of(m[0])->out = 1;
	assert_int_equal(fragment(w, &m[0], 1), 0);
	assert_int_equal(gate_counter(DROP_IP_CHECKSUM), 1);
	packet_of(m[1])->tunnel = f.tunnel;
	packet_of(m[1])->out = 1;
	assert_int_equal(esp_out(w, &m[1], 1), 0);
	assert_int_equal(split_parts(w, parts), 0);
	assert_int_equal(gate_counter(DROP_IP_CHECKSUM), 2);
	local(w, m[2]);
	assert_int_equal(gate_counter(DROP_IP_CHECKSUM), 3);
	assert_int_equal(w->n_made, 0);
}

static struct dp_policy_rule rule_for(const struct gate_flow *f, struct selector sel)
{
	return (struct dp_policy_rule){.iface = 1,
	                               .sequence = 10,
	                               .permit = true,
	                               .local = sel.local,
	                               .remote = sel.remote,
	                               .local_port_hi = 65535,
	                               .remote_port_hi = 65535,
	                               .tunnel = f->tunnel};
}

// A decrypted packet that would leave in clear; true: it does.
static bool leaves(struct rte_mbuf *m, uint8_t flags)
{
	struct worker *w = gate.workers[0];
	bool six = packet_is_ipv6(m);
	struct rte_mbuf *tunnel[1];
	uint16_t n;
	bool clear;

	packet_of(m)->flags = flags;
	packet_of(m)->out = 1;
	packet_of(m)->in = 0;
	clear = (six ? policy_out6 : policy_out)(w, &m, 1, tunnel, &n) == 1;
	assert_int_equal(n, 0);
	if (clear)
		rte_pktmbuf_free(m);
	return clear;
}

static struct rte_mbuf *back_packet(void)
{
	struct rte_mbuf *m = gate_packet(100, (struct handle){0});

	packet_ip(m)->src_addr = rte_cpu_to_be_32(0x0a020001);
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(0x0a010001);
	return m;
}

// Makes these addresses lost; without any, nothing is.
static void lose(const char *first, const char *last)
{
	struct dp_range r;

	if (first) {
		assert_int_equal(addr_parse(first, &r.first), 0);
		assert_int_equal(addr_parse(last, &r.last), 0);
	}
	assert_int_equal(dp_lost_networks(&gate, &r, first != NULL), 0);
}

static void ranges_of_lost_addresses(void **state)
{
	static const char *const ends[][2] = {{"10.0.0.1", "10.0.0.1"},
	                                      {"10.0.0.5", "10.0.0.9"},
	                                      {"255.255.255.0", "255.255.255.255"},
	                                      {"::", "::5"},
	                                      {"2001:db8::", "2001:db8::ffff"}};
	static const char *const in[] = {"10.0.0.1", "10.0.0.5", "10.0.0.9",      "255.255.255.255",
	                                 "::",       "::5",      "2001:db8::ffff"};
	static const char *const out[] = {"0.0.0.0",   "10.0.0.0", "10.0.0.2",      "10.0.0.4",
	                                  "10.0.0.10", "::6",      "2001:db8::1:0", "ffff::"};
	struct dp_range r[RTE_DIM(ends)];
	struct ip_addr a;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(ends); i++) {
		assert_int_equal(addr_parse(ends[i][0], &r[i].first), 0);
		assert_int_equal(addr_parse(ends[i][1], &r[i].last), 0);
	}
	assert_int_equal(dp_lost_networks(&gate, r, RTE_DIM(ends)), 0);
	for (unsigned i = 0; i < RTE_DIM(in); i++) {
		assert_int_equal(addr_parse(in[i], &a), 0);
		assert_true(lost_has(&gate, a.family, a.bytes));
	}
	for (unsigned i = 0; i < RTE_DIM(out); i++) {
		assert_int_equal(addr_parse(out[i], &a), 0);
		assert_false(lost_has(&gate, a.family, a.bytes));
	}
	lose(NULL, NULL);
	assert_false(lost_has(&gate, 4, r[0].first.bytes));
}

// From the remote network to the local one, to which the way is lost: what is left leads back out.
static void not_back_in_clear(void **state)
{
	const struct ip_addr none = addr_v4(0);
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct dp_policy_rule rule = rule_for(&f, f.spec.selector);
	struct rte_mbuf *m;
	struct handle h;

	(void)state;
	lose("10.1.0.0", "10.1.255.255");
	assert_true(leaves(back_packet(), PACKET_DECRYPTED)); // no map at all
	assert_int_equal(dp_policy_add(&gate, &rule, &h), 0);
	assert_false(leaves(back_packet(), PACKET_DECRYPTED));
	assert_int_equal(gate_counter(DROP_POLICY_BACK), 1);
	assert_true(leaves(back_packet(), 0)); // as it came in clear by another interface
	m = back_packet();
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(0x0a090001); // of no line
	assert_true(leaves(m, PACKET_DECRYPTED));
	lose("10.9.0.0", "10.9.255.255"); // another one: its way does lead there
	m = back_packet();
	packet_of(m)->hop = route_lookup(gate.routes, packet_ip(m)->dst_addr);
	assert_true(leaves(m, PACKET_DECRYPTED));
	m = back_packet(); // ... but was another when the packet was given it
	packet_of(m)->hop = (uint16_t)(route_lookup(gate.routes, packet_ip(m)->dst_addr) + 1);
	assert_false(leaves(m, PACKET_DECRYPTED));
	assert_int_equal(gate_counter(DROP_POLICY_BACK), 2);
	lose("10.1.0.0", "10.1.255.255");
	// Where the local side is `any`, what the tunnel carries may go on from here.
	dp_policy_del(&gate, h);
	rule.local = prefix_make(&none, 0);
	assert_int_equal(dp_policy_add(&gate, &rule, &h), 0);
	assert_true(leaves(back_packet(), PACKET_DECRYPTED));
	assert_int_equal(gate_counter(DROP_POLICY_BACK), 2);
}

static void not_back_in_clear6(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool), *other, *moved;
	struct dp_policy_rule rule;
	struct ip_addr addr = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 0, 1}};
	struct gate_flow f;
	struct handle h;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, 60);

	(void)state;
	if (!ip)
		abort();
	spec.selector.local = prefix_make(&addr, 64);
	addr.bytes[5] = 2;
	spec.selector.remote = prefix_make(&addr, 64);
	f = gate_flow_make(spec);
	rule = rule_for(&f, spec.selector);
	assert_int_equal(dp_policy_add(&gate, &rule, &h), 0);
	memset(ip, 0, 60);
	ip[0] = 0x60;
	ip[5] = 20;
	ip[6] = 6;
	memcpy(ip + 8, addr.bytes, 16);
	memcpy(ip + 24, spec.selector.local.addr.bytes, 16);
	packet_init(m, 0, 1000);
	other = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	packet_init(other, 0, 1000);
	moved = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	packet_init(moved, 0, 1000);
	packet_of(moved)->hop =
		(uint16_t)(route_lookup6(gate.routes, packet_ip6(moved)->dst_addr) + 1);
	lose("2001:db8:0:1::", "2001:db8:1::ffff");
	assert_false(leaves(m, PACKET_DECRYPTED));
	assert_int_equal(gate_counter(DROP_POLICY_BACK), 1);
	lose(NULL, NULL);
	assert_true(leaves(other, PACKET_DECRYPTED));
	assert_false(leaves(moved, PACKET_DECRYPTED)); // the way that it was given is not today's
	assert_int_equal(gate_counter(DROP_POLICY_BACK), 2);
}

// RFC 1122, 3.2.2: no error to a source that is not a single host.
static void errors_to_nobody(void **state)
{
	static const uint32_t nobody[] = {0x7f000001, 0xe0000005, 0, 0xffffffff, 0x0a0100ff};
	const struct ip_addr broadcast = addr_v4(0x0a0100ff);
	const struct ip_prefix prefix = prefix_make(&broadcast, 32);
	struct worker *w = gate.workers[0];
	struct rte_mbuf *m = gate_packet(100, (struct handle){0});

	(void)state;
	w->icmp.tokens = 9;
	assert_int_equal(route_iface_add(&gate, &prefix, 0, ROUTE_BROADCAST), 0);
	for (unsigned i = 0; i < RTE_DIM(nobody); i++) {
		packet_ip(m)->src_addr = rte_cpu_to_be_32(nobody[i]);
		icmp_error(w, m, 11, 0, 0);
		assert_int_equal(w->n_made, 0);
	}
	packet_ip(m)->src_addr = rte_cpu_to_be_32(0x0a010001);
	icmp_error(w, m, 11, 0, 0);
	assert_int_equal(w->n_made, 1);
	rte_pktmbuf_free(m);
}

// ---- hub and spoke: what comes out of one tunnel goes into another, by the same interface
// --------

#define LAN      0
#define WAN      1
#define TOO_LONG 1440 // for the tunnel to spoke 3

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct ip_prefix prefix_of(const char *text, uint8_t len)
{
	const struct ip_addr a = addr_of(text);

	return prefix_make(&a, len);
}

// A line of the map outside, from the networks of all to one spoke's, with a route there.
static struct gate_flow spoke(const struct suite *suite, struct ip_prefix all, struct ip_prefix one)
{
	struct sa_spec spec = suite_spec(suite, 0);
	struct dp_policy_rule rule;
	struct gate_flow f;
	struct handle h;

	spec.selector.local = all;
	spec.selector.remote = one;
	f = gate_flow_make(spec);
	rule = rule_for(&f, spec.selector);
	assert_int_equal(dp_policy_add(&gate, &rule, &h), 0);
	assert_int_equal(route_iface_add(&gate, &one, WAN, ROUTE_CONNECTED), 0);
	return f;
}

// An address of IPv4 and one of IPv6 behind the gateway that lines protect; outside, others.
static void hub(const char *inside6)
{
	gate.ifaces[LAN].address = rte_cpu_to_be_32(0x0a010001);
	gate.ifaces[LAN].flags = IFACE_UP;
	gate.ifaces[WAN].flags = IFACE_UP | IFACE_CRYPTO_MAP;
	for (unsigned i = 0; i < 2; i++) {
		struct dp_iface_config *c = &gate.ifaces[i].config;

		c->up = true;
		c->n_addresses6 = 1;
		c->addresses6[0].address = addr_of(i == LAN ? inside6 : "2001:db8:ffff::1");
		iface6_publish(&gate.ifaces[i]);
	}
	gate.ipv6_routing = true;
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		gate.workers[i]->icmp.tokens = gate.workers[i]->icmp_sizes.tokens = 9;
}

static struct rte_mbuf *from_spoke(uint32_t src, uint32_t dst, uint16_t len)
{
	struct rte_mbuf *m = gate_packet(len, (struct handle){0});

	packet_ip(m)->src_addr = rte_cpu_to_be_32(src);
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(dst);
	packet_ip(m)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	packet_checksum_ipv4(packet_ip(m));
	packet_init(m, WAN, 1000);
	packet_of(m)->kind = PACKET_ROUTE;
	packet_of(m)->ihl = 20;
	packet_of(m)->flags = PACKET_DECRYPTED;
	return m;
}

static struct rte_mbuf *from_spoke6(const char *src, const char *dst, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)rte_pktmbuf_append(m, len);
	const struct ip_addr from = addr_of(src), to = addr_of(dst);

	if (!ip)
		abort();
	memset(ip, 0, len);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(len - sizeof(*ip)));
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = 64;
	memcpy(ip->src_addr, from.bytes, 16);
	memcpy(ip->dst_addr, to.bytes, 16);
	packet_init(m, WAN, 1000);
	packet_of(m)->kind = PACKET_ROUTE6;
	packet_of(m)->flags = PACKET_DECRYPTED;
	packet_of(m)->payload = sizeof(*ip);
	packet_of(m)->proto = IPPROTO_UDP;
	return m;
}

// Sends it on its way. The error that comes of it, as it goes back into the tunnel to its sender;
// NULL: there is none, or it was dropped.
static struct rte_mbuf *answer_to(struct rte_mbuf *m, const struct gate_flow *onward,
                                  const struct gate_flow *back)
{
	bool six = packet_is_ipv6(m);
	struct worker *w = onward ? gate_owner(onward) : gate.workers[0];
	struct rte_mbuf *mapped[WORKER_BURST], *tunnel[WORKER_BURST];
	uint16_t n;

	assert_int_equal((six ? forward6 : forward)(w, &m, 1, mapped, &n), 0);
	if (n) {
		assert_int_equal((six ? policy_out6 : policy_out)(w, mapped, 1, tunnel, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(esp_out(w, tunnel, 1), 0);
	}
	if (w->n_made == 0)
		return NULL;
	assert_int_equal(w->n_made, 1);
	m = w->made[--w->n_made];
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_QUOTES);
	assert_int_equal((six ? forward6 : forward)(w, &m, 1, mapped, &n), 0);
	if (n == 0)
		return NULL;
	assert_int_equal((six ? policy_out6 : policy_out)(w, mapped, 1, tunnel, &n), 0);
	if (n == 0)
		return NULL;
	assert_int_equal(packet_of(tunnel[0])->tunnel.index, back->tunnel.index);
	return tunnel[0];
}

// It says this, from the address behind the gateway.
static void check_answer(struct rte_mbuf *m, uint8_t type, uint8_t code)
{
	const uint8_t want[2] = {type, code};

	assert_non_null(m);
	assert_int_equal(packet_ip(m)->src_addr, rte_cpu_to_be_32(0x0a010001));
	assert_int_equal(packet_ip(m)->dst_addr, rte_cpu_to_be_32(0x0a020005));
	assert_memory_equal(packet_ip(m) + 1, want, 2);
	rte_pktmbuf_free(m);
}

// RFC 1191, 3; RFC 1812, 5.3.1 and 4.3.3.1: path MTU discovery, traceroute, and no way on.
static void spokes_hear(void **state)
{
	const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};
	struct gate_flow two, three;
	struct rte_mbuf *m;

	(void)state;
	hub("2001:db8:1::1");
	two = spoke(&gcm, prefix_of("10.0.0.0", 8), prefix_of("10.2.0.0", 24));
	three = spoke(&cbc, prefix_of("10.0.0.0", 8), prefix_of("10.3.0.0", 24));
	m = answer_to(from_spoke(0x0a020005, 0x0a030005, TOO_LONG), &three, &two);
	check_answer(m, 3, 4);
	m = from_spoke(0x0a020005, 0x0a030005, 100);
	packet_ip(m)->time_to_live = 1;
	check_answer(answer_to(m, NULL, &two), 11, 0);
	check_answer(answer_to(from_spoke(0x0a020005, 0x0a040005, 100), NULL, &two), 3, 0);
	assert_int_equal(gate_counter(DROP_POLICY_QUOTE), 0);
}

static void check_answer6(struct rte_mbuf *m, uint8_t type, const char *source)
{
	const struct ip_addr from = addr_of(source), to = addr_of("2001:db8:2::5");

	assert_non_null(m);
	assert_memory_equal(packet_ip6(m)->src_addr, from.bytes, 16);
	assert_memory_equal(packet_ip6(m)->dst_addr, to.bytes, 16);
	assert_int_equal(*(uint8_t *)(packet_ip6(m) + 1), type);
	rte_pktmbuf_free(m);
}

static void spokes_hear6(void **state)
{
	const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};
	const char *inside = "2001:db8:1::1";
	struct gate_flow two, three;
	struct rte_mbuf *m;

	(void)state;
	hub(inside);
	two = spoke(&gcm, prefix_of("2001:db8::", 36), prefix_of("2001:db8:2::", 64));
	three = spoke(&cbc, prefix_of("2001:db8::", 36), prefix_of("2001:db8:3::", 64));
	m = answer_to(from_spoke6("2001:db8:2::5", "2001:db8:3::5", TOO_LONG), &three, &two);
	check_answer6(m, 2, inside);
	m = from_spoke6("2001:db8:2::5", "2001:db8:3::5", 100);
	packet_ip6(m)->hop_limits = 1;
	check_answer6(answer_to(m, NULL, &two), 3, inside);
	m = answer_to(from_spoke6("2001:db8:2::5", "2001:db8:4::5", 100), NULL, &two);
	check_answer6(m, 1, inside);
	assert_int_equal(gate_counter(DROP_POLICY_QUOTE), 0);
}

// Without an address that lines protect nothing is said, and nothing leaves in clear.
static void no_address_inside(void **state)
{
	(void)state;
	hub("2001:db8:f000::1");
	gate.ifaces[LAN].address = rte_cpu_to_be_32(0xac100001);
	spoke(&gcm, prefix_of("10.0.0.0", 8), prefix_of("10.2.0.0", 24));
	spoke(&gcm, prefix_of("2001:db8::", 36), prefix_of("2001:db8:2::", 64));
	assert_null(answer_to(from_spoke(0x0a020005, 0x0a040005, 100), NULL, NULL));
	assert_null(answer_to(from_spoke6("2001:db8:2::5", "2001:db8:4::5", 100), NULL, NULL));
	assert_int_equal(gate_counter(COUNT_ICMP_SENT), 2);
	assert_int_equal(gate_counter(DROP_POLICY_QUOTE), 2);
}

// A flood of what the gateway answers loses answers, which are no proof of anybody's life.
static void a_flood_of_answers(void **state)
{
	uint64_t before = dp_punt_losses(&gate, DP_ALL_IFACES);
	struct worker *w = gate.workers[0];

	(void)state;
	for (unsigned i = 0; i < WORKER_MADE + 5; i++)
		worker_forward_later(w, gate_packet(100, (struct handle){0}));
	assert_int_equal(gate_counter(DROP_MADE_FULL), 5);
	assert_int_equal(dp_punt_losses(&gate, DP_ALL_IFACES), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sources),
		TEST(wide_selectors),
		TEST(source_routes),
		TEST(damaged_headers),
		TEST(ranges_of_lost_addresses),
		TEST(not_back_in_clear),
		TEST(not_back_in_clear6),
		TEST(errors_to_nobody),
		TEST(spokes_hear),
		TEST(spokes_hear6),
		TEST(no_address_inside),
		TEST(a_flood_of_answers),
	};

	return cmocka_run_group_tests_name("inner", tests, eal_start, eal_stop);
}
