// Outer IPv6 packets that are longer than their path: no router cuts them (RFC 8200, 5), so they
// leave in pieces that fit (RFC 2473, 7.1), in all three forms of ESP, and come in again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adjacency.h"
#include "bytes.h"
#include "gate.h"
#include "ipv6.h"
#include "reassemble.h"

#define ETHER    RTE_ETHER_HDR_LEN
#define PATH_MTU 1300u

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

static struct ip_addr six(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

// Over IPv6 from 2001:db8:f::1 to ::2.
static struct sa_spec outer_spec(void)
{
	struct sa_spec spec = suite_spec(&gcm, 0);

	spec.local = six("2001:db8:f::1");
	spec.remote = six("2001:db8:f::2");
	return spec;
}

static struct sa_spec tunnel6(void)
{
	struct ip_addr local = six("2001:db8:1::"), remote = six("2001:db8:2::");
	struct sa_spec spec = outer_spec();

	spec.selector.local = prefix_make(&local, 64);
	spec.selector.remote = prefix_make(&remote, 64);
	return spec;
}

static struct sa_spec transport6(void)
{
	struct sa_spec spec = outer_spec();

	spec.mode = SA_MODE_TRANSPORT;
	spec.selector = (struct selector){.local = prefix_host(&spec.local),
	                                  .remote = prefix_host(&spec.remote)};
	return spec;
}

static struct rte_mbuf *packet6(uint16_t len, struct ip_addr src, struct ip_addr dst,
                                struct handle tunnel)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, len);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)data;

	for (unsigned i = PACKET_IPV6_MIN; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28),
	                            .payload_len =
	                                    rte_cpu_to_be_16((uint16_t)(len - PACKET_IPV6_MIN)),
	                            .proto = IPPROTO_UDP,
	                            .hop_limits = 63};
	memcpy(ip->src_addr, src.bytes, 16);
	memcpy(ip->dst_addr, dst.bytes, 16);
	packet_init(m, 0, 0);
	packet_of(m)->kind = PACKET_ROUTE6;
	packet_of(m)->out = 1;
	packet_of(m)->tunnel = tunnel;
	return m;
}

static int start(void **state)
{
	struct ip_addr peer = six("2001:db8:f::2"), net = peer;
	const struct ip_prefix prefix = prefix_make(&net, 64);
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};

	if (gate_start(state) || adjacency_init(&gate))
		return -1;
	gate.clock.hz = rte_get_tsc_hz();
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		if (adjacency_wait_init(gate.workers[i]) || reassemble_init(gate.workers[i]))
			return -1;
	for (uint16_t i = 0; i < 2; i++) {
		gate.ifaces[i].flags = IFACE_UP;
		gate.ifaces[i].n_tx = GATE_WORKERS;
	}
	if (route_iface_add(&gate, &prefix, 1, ROUTE_CONNECTED))
		return -1;
	return dp_neighbour_set(&gate, 1, &peer, mac);
}

static int stop(void **state)
{
	for (unsigned i = 0; i < GATE_WORKERS; i++) {
		adjacency_wait_fini(gate.workers[i]);
		reassemble_fini(gate.workers[i]);
	}
	adjacency_fini(&gate);
	return gate_stop(state);
}

// A flow whose path takes no more than PATH_MTU.
static struct gate_flow narrow_flow(struct sa_spec spec)
{
	struct gate_flow f = gate_flow_make(spec);

	dp_sa_path_mtu(&gate, f.out, PATH_MTU);
	gate_turn();
	return f;
}

// Through the SA and out of the interface: the frames, IPv6 packets again.
static uint16_t leave(const struct gate_flow *f, struct rte_mbuf *m, struct rte_mbuf **out)
{
	struct worker *w = gate_owner(f);
	struct worker_tx *tx = &w->tx[1];
	uint16_t n;

	assert_int_equal(esp_out(w, &m, 1), 1);
	egress6(w, &m, 1);
	n = tx->n;
	tx->n = 0;
	memcpy(out, tx->pkts, n * sizeof(*out));
	for (uint16_t i = 0; i < n; i++)
		assert_non_null(rte_pktmbuf_adj(out[i], ETHER));
	return n;
}

// The pieces make a packet of the SA's again, whose inner one is `len` bytes long.
static void come_back(struct rte_mbuf **pkts, uint16_t n, uint16_t len)
{
	struct rte_mbuf *whole = NULL;

	for (unsigned w = 0; w < GATE_WORKERS && !whole; w++) {
		struct rte_mbuf *copies[8];
		uint16_t k;

		assert_in_range(n, 1, 8);
		for (uint16_t i = 0; i < n; i++) {
			copies[i] = rte_pktmbuf_copy(pkts[i], gate.pool, 0, UINT32_MAX);
			packet_init(copies[i], 1, 1000);
			packet_of(copies[i])->kind = PACKET_FRAGMENT6;
		}
		k = reassemble6(gate.workers[w], copies, n);
		if (k)
			whole = copies[0];
	}
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_free(pkts[i]);
	assert_non_null(whole);
	assert_int_equal(packet_of(whole)->kind, PACKET_ESP6);
	assert_int_equal(esp_in(gate.workers[gate_rss], &whole, 1), 1);
	assert_int_equal(rte_pktmbuf_data_len(whole), len);
	rte_pktmbuf_free(whole);
}

static void check_cut(const struct gate_flow *f, struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t n = leave(f, m, pkts);

	assert_int_equal(n, 2);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(packet_ip6(pkts[i])->proto, IPPROTO_FRAGMENT);
		assert_true(rte_pktmbuf_data_len(pkts[i]) <= PATH_MTU);
	}
	come_back(pkts, n, len);
}

static void check_whole(const struct gate_flow *f, struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *pkts[WORKER_BURST];

	assert_int_equal(leave(f, m, pkts), 1);
	assert_int_equal(packet_ip6(pkts[0])->proto, IPPROTO_ESP);
	assert_int_equal(rte_pktmbuf_data_len(pkts[0]), len);
	rte_pktmbuf_free(pkts[0]);
}

static struct rte_mbuf *inner6(const struct gate_flow *f, uint16_t len)
{
	return packet6(len, six("2001:db8:1::5"), six("2001:db8:2::6"), f->tunnel);
}

// 1280 bytes must always pass, though the outer packet of 1356 does not fit.
static void ipv6_inside(void **state)
{
	struct gate_flow f = narrow_flow(tunnel6());

	(void)state;
	check_cut(&f, inner6(&f, 1280), 1280);
	check_whole(&f, inner6(&f, 1226), PATH_MTU);
	// Forgotten: the interface alone decides again.
	dp_sa_path_mtu(&gate, f.out, 0);
	gate_turn();
	check_whole(&f, inner6(&f, 1280), 1356);
	assert_int_equal(gate_counter(COUNT_FRAGMENTED), 1);
}

// What is cut after encryption: by configuration, or since the SA names ports.
static void ipv4_inside(void **state)
{
	struct sa_spec spec = outer_spec();
	struct gate_flow f = narrow_flow(spec);
	struct rte_mbuf *pkts[WORKER_BURST];

	(void)state;
	gate.ifaces[1].flags |= IFACE_FRAGMENT_AFTER;
	check_cut(&f, gate_packet(1280, f.tunnel), 1280);
	gate.ifaces[1].flags = IFACE_UP;
	spec.selector.proto = 17;
	spec.selector.remote_port = 53;
	f = narrow_flow(spec);
	assert_int_equal(leave(&f, gate_packet(1280, f.tunnel), pkts), 2);
	assert_in_range(rte_pktmbuf_data_len(pkts[0]), 1290, PATH_MTU);
	rte_pktmbuf_free_bulk(pkts, 2);
}

static void transport_mode(void **state)
{
	struct gate_flow f = narrow_flow(transport6());
	struct rte_mbuf *m = packet6(1280, six("2001:db8:f::1"), six("2001:db8:f::2"), f.tunnel);

	(void)state;
	packet_of(m)->flags = PACKET_MADE;
	check_cut(&f, m, 1280);
}

// The SA's way out leads by another interface than the packet's own, and that takes less.
static void another_interface(void **state)
{
	struct gate_flow f = gate_flow_make(tunnel6());
	struct rte_mbuf *m = inner6(&f, 1400);

	(void)state;
	gate.ifaces[1].mtu = 1400;
	packet_of(m)->out = 0;
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_int_equal(gate_counter(DROP_MTU), 1);
	m = inner6(&f, 1326);
	packet_of(m)->out = 0;
	check_whole(&f, m, 1400);
}

// A path cannot make us cut below what every link takes (RFC 8200, 5).
static void never_below_the_minimum(void **state)
{
	struct gate_flow f = gate_flow_make(tunnel6());
	struct rte_mbuf *pkts[WORKER_BURST];

	(void)state;
	dp_sa_path_mtu(&gate, f.out, 600);
	gate_turn();
	assert_int_equal(leave(&f, inner6(&f, 1280), pkts), 2);
	assert_in_range(rte_pktmbuf_data_len(pkts[0]), 1270, 1280);
	rte_pktmbuf_free_bulk(pkts, 2);
}

// Others' packets have the interface's MTU alone.
static void what_is_forwarded(void **state)
{
	struct worker *w = gate.workers[0];
	struct rte_mbuf *m =
		packet6(1400, six("2001:db8:1::5"), six("2001:db8:f::2"), (struct handle){0});

	(void)state;
	memcpy(packet_of(m)->next_hop6, packet_ip6(m)->dst_addr, 16);
	egress6(w, &m, 1);
	assert_int_equal(w->tx[1].n, 1);
	w->tx[1].n = 0;
	rte_pktmbuf_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ipv6_inside),
		TEST(ipv4_inside),
		TEST(transport_mode),
		TEST(another_interface),
		TEST(never_below_the_minimum),
		TEST(what_is_forwarded),
	};

	return cmocka_run_group_tests_name("outer6", tests, eal_start, eal_stop);
}
