// Packets that a tunnel makes too long: cut before encryption, after it, or answered; the DF bit of
// the outer header; what an SA with ports and a lower path MTU change.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bytes.h"
#include "gate.h"
#include "path_mtu.h"
#include "split.h"

#define DF RTE_BE16(RTE_IPV4_HDR_DF_FLAG)

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA256_128};

static struct rte_mbuf *packet(const struct gate_flow *f, uint16_t len, uint16_t df)
{
	struct rte_mbuf *m = gate_packet(len, f->tunnel);

	packet_ip(m)->fragment_offset = df;
	packet_ip(m)->packet_id = RTE_BE16(77);
	packet_checksum_ipv4(packet_ip(m));
	return m;
}

// Through the tunnel and back: the inner packets in out[]; the longest outer one in *longest.
static uint16_t pass(const struct gate_flow *f, struct rte_mbuf *m, struct rte_mbuf **out,
                     uint32_t *longest)
{
	struct rte_mbuf *pkts[WORKER_BURST] = {m};
	struct worker *w = gate_owner(f);
	uint16_t n = 1, total = 0;

	*longest = 0;
	do {
		n = esp_out(w, pkts, n);
		for (uint16_t i = 0; i < n; i++) {
			*longest = RTE_MAX(*longest, rte_pktmbuf_data_len(pkts[i]));
			assert_int_equal(rte_ipv4_cksum(packet_ip(pkts[i])), 0);
			assert_true(gate_decrypt(&pkts[i]));
			out[total++] = pkts[i];
		}
		n = split_parts(w, pkts);
	} while (n);
	return total;
}

// The pieces make the packet again, and are freed.
static void check_pieces(struct rte_mbuf **out, uint16_t n, uint16_t len, struct handle tunnel)
{
	struct rte_mbuf *whole = gate_packet(len, tunnel);
	const uint8_t *body = rte_pktmbuf_mtod_offset(whole, uint8_t *, 20);
	uint32_t at = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_ipv4_hdr *ip = packet_ip(out[i]);
		uint32_t have = rte_pktmbuf_data_len(out[i]) - 20u;

		assert_int_equal(rte_ipv4_cksum(ip), 0);
		assert_int_equal(ip->packet_id, RTE_BE16(77));
		assert_int_equal(ip->fragment_offset,
		                 rte_cpu_to_be_16((uint16_t)(at / 8) |
		                                  (i + 1 < n ? RTE_IPV4_HDR_MF_FLAG : 0)));
		assert_memory_equal(ip + 1, body + at, have);
		at += have;
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(at, len - 20u);
	rte_pktmbuf_free(whole);
}

static void cut_before_encryption(void **state)
{
	static const uint16_t sizes[] = {1450, 1480, 1500, 1999, 2020};
	const struct suite suites[] = {gcm, cbc};

	(void)state;
	for (unsigned s = 0; s < 2; s++) {
		struct gate_flow f = gate_flow_make(suite_spec(&suites[s], 0));

		for (unsigned i = 0; i < 5; i++) {
			struct rte_mbuf *out[WORKER_BURST];
			uint32_t longest;
			uint16_t n = pass(&f, packet(&f, sizes[i], 0), out, &longest);

			assert_int_equal(n, 2);
			assert_in_range(longest, 1400, 1500);
			check_pieces(out, n, sizes[i], f.tunnel);
		}
	}
	assert_int_equal(gate_counter(COUNT_FRAGMENTED), 10);
	assert_int_equal(gate_counter(DROP_MTU), 0);
}

// A burst of long packets is cut in as many steps as it takes, and none is lost.
static void a_burst_of_long_ones(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *pkts[WORKER_BURST], *parts[WORKER_BURST];
	struct worker *w = gate_owner(&f);
	unsigned total = 0;
	uint16_t n;

	(void)state;
	for (unsigned i = 0; i < WORKER_BURST; i++)
		pkts[i] = packet(&f, i % 4 ? 1500 : 100, 0);
	n = esp_out(w, pkts, WORKER_BURST);
	assert_int_equal(n, WORKER_BURST / 4);
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(pkts[i]);
	while ((n = split_parts(w, parts))) {
		assert_int_equal(esp_out(w, parts, n), n);
		for (unsigned i = 0; i < n; i++)
			rte_pktmbuf_free(parts[i]);
		total += n;
	}
	assert_int_equal(total, WORKER_BURST / 4 * 3 * 2);
}

// Parts are no longer than packets of the pool have room for, whatever the tunnel would take, and a
// burst still loses none.
static void a_burst_for_small_packets(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *pkts[WORKER_BURST], *parts[WORKER_BURST];
	struct worker *w = gate_owner(&f);
	unsigned total = 0;
	uint16_t n;

	(void)state;
	gate.pool_mtu = 320;
	for (unsigned i = 0; i < WORKER_BURST; i++)
		pkts[i] = packet(&f, 1500, 0);
	assert_int_equal(esp_out(w, pkts, WORKER_BURST), 0);
	while ((n = split_parts(w, parts))) {
		assert_int_equal(n % 5, 0);
		for (unsigned i = 0; i < n; i++)
			assert_in_range(rte_pktmbuf_data_len(parts[i]), 20 + 8, 320);
		rte_pktmbuf_free_bulk(parts, n);
		total += n;
	}
	assert_int_equal(total, WORKER_BURST * 5);
	assert_int_equal(gate_counter(COUNT_FRAGMENTED), WORKER_BURST);
	assert_int_equal(gate_counter(DROP_MTU), 0);
}

static void cut_after_encryption(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m = packet(&f, 1480, 0);

	(void)state;
	gate.ifaces[1].flags |= IFACE_FRAGMENT_AFTER;
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
	assert_true(rte_pktmbuf_data_len(m) > 1500); // fragment() cuts it
	assert_int_equal(packet_ip(m)->fragment_offset, 0);
	rte_pktmbuf_free(m);
	gate.ifaces[1].flags |= IFACE_DF_SET;
	m = packet(&f, 1480, 0);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
	assert_int_equal(packet_ip(m)->fragment_offset, 0); // or it could not be cut
	rte_pktmbuf_free(m);
}

// Its receiver could not tell whose a fragment without ports is.
static void ports_are_cut_outside(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	spec.selector.proto = 17;
	spec.selector.remote_port = 53;
	f = gate_flow_make(spec);
	m = packet(&f, 1480, 0);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
	assert_true(rte_pktmbuf_data_len(m) > 1500);
	rte_pktmbuf_free(m);
}

static uint16_t outer_bits(const struct gate_flow *f, uint16_t len, uint16_t df)
{
	struct rte_mbuf *m = packet(f, len, df);
	uint16_t bits;

	assert_int_equal(esp_out(gate_owner(f), &m, 1), 1);
	assert_int_equal(rte_ipv4_cksum(packet_ip(m)), 0);
	bits = packet_ip(m)->fragment_offset;
	rte_pktmbuf_free(m);
	return bits;
}

static void the_df_bit(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m, *parts[WORKER_BURST];

	(void)state;
	assert_int_equal(outer_bits(&f, 100, 0), 0);
	assert_int_equal(outer_bits(&f, 100, DF), DF);
	gate.ifaces[1].flags = IFACE_DF_SET;
	assert_int_equal(outer_bits(&f, 100, 0), DF);
	assert_int_equal(outer_bits(&f, 100, DF), DF);
	gate.ifaces[1].flags = IFACE_DF_CLEAR;
	assert_int_equal(outer_bits(&f, 100, 0), 0);
	assert_int_equal(outer_bits(&f, 100, DF), 0);
	// What may not be cut inside is cut outside then.
	assert_int_equal(outer_bits(&f, 1480, DF), 0);
	assert_int_equal(gate_counter(DROP_MTU), 0);
	gate.ifaces[1].flags = 0;
	m = packet(&f, 1480, DF);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_int_equal(split_parts(gate_owner(&f), parts), 0);
	assert_int_equal(gate_counter(DROP_MTU), 1);
}

// A path MTU that leaves no room for eight bytes of body.
static void no_room_at_all(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m = packet(&f, 100, 0), *parts[WORKER_BURST];

	(void)state;
	sa_table_at(gate.sas, f.out.index)->out.mtu = 70;
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_int_equal(split_parts(gate_owner(&f), parts), 0);
	assert_int_equal(gate_counter(DROP_MTU), 1);
}

// ICMP "fragmentation needed" about an outer packet of the flow, cut to `quote` bytes of it.
static struct rte_mbuf *complaint(const struct gate_flow *f, uint16_t mtu, uint16_t quote)
{
	struct rte_mbuf *about = gate_encrypt(f, 1400), *m = rte_pktmbuf_alloc(gate.pool);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(28 + quote)), *icmp = ip + 20;
	uint16_t sum;

	if (!ip)
		abort();
	memset(ip, 0, 28);
	ip[0] = 0x45;
	ip[9] = 1;
	icmp[0] = 3;
	icmp[1] = 4;
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	memcpy(icmp + 8, rte_pktmbuf_mtod(about, void *), quote);
	sum = (uint16_t)~rte_raw_cksum(icmp, (size_t)8 + quote);
	memcpy(icmp + 2, &sum, 2);
	rte_pktmbuf_free(about);
	packet_init(m, 1, 0);
	packet_of(m)->ihl = 20;
	return m;
}

static void heard(const struct gate_flow *f, uint16_t mtu, uint16_t port)
{
	struct dp_event e = gate_event(DP_EVENT_PATH_MTU);

	assert_int_equal(e.kind, DP_EVENT_PATH_MTU);
	assert_int_equal(e.mtu, mtu);
	assert_int_equal(e.spi, f->spec.spi);
	assert_int_equal(e.port, port);
	assert_memory_equal(e.local.bytes, f->spec.local.bytes, 4);
	assert_memory_equal(e.addr.bytes, f->spec.remote.bytes, 4);
}

static void a_router_complains(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct gate_flow f = gate_flow_make(spec), g;
	struct worker *w = gate.workers[0];

	(void)state;
	gate_tick(1000);
	assert_true(path_mtu_learn(w, complaint(&f, 1300, 28), 20));
	heard(&f, 1300, 0);
	assert_true(path_mtu_learn(w, complaint(&f, 0, 200), 20)); // an old router: RFC 1191, 7
	heard(&f, 1006, 0);
	spec.encap = SA_ENCAP_UDP;
	spec.local_port = 4500;
	spec.remote_port = 40001;
	g = gate_flow_make(spec);
	assert_true(path_mtu_learn(w, complaint(&g, 1300, 36), 20));
	heard(&g, 1300, 40001);
	assert_int_equal(gate_counter(COUNT_LOCAL_TOO_BIG), 3);
	assert_true(path_mtu_learn(w, complaint(&g, 1300, 28), 20)); // no SPI in it
	assert_true(path_mtu_learn(w, complaint(&f, 1460, 28), 20)); // it would have fitted
	assert_int_equal(gate_events(DP_EVENT_PATH_MTU), 0);
	assert_int_equal(gate_counter(DROP_LOCAL_ICMP), 2);
}

// Every cut, and bytes by chance: never an event about something else, and no crash.
static void what_is_no_complaint(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct worker *w = gate.workers[0];
	struct rte_mbuf *m;

	(void)state;
	for (uint16_t quote = 0; quote < 24; quote++) // 24: the SPI is whole
		assert_true(path_mtu_learn(w, complaint(&f, 1300, quote), 20));
	assert_int_equal(gate_events(DP_EVENT_PATH_MTU), 0);
	for (unsigned i = 0; i < 2000; i++) {
		m = complaint(&f, 1300, (uint16_t)(rand() % 60));
		rte_pktmbuf_mtod(m, uint8_t *)[20 + rand() % (rte_pktmbuf_data_len(m) - 20)] ^=
			(uint8_t)(1 + rand() % 255);
		if (!path_mtu_learn(w, m, 20))
			rte_pktmbuf_free(m); // of another type now
	}
	assert_int_equal(gate_events(DP_EVENT_PATH_MTU), 0);
	m = complaint(&f, 1300, 28);
	packet_of(m)->flags = PACKET_DECRYPTED;
	assert_false(path_mtu_learn(w, m, 20));
	rte_pktmbuf_free(m);
}

// Who floods us with them takes a bounded part of the control core's time.
static void complaints_are_limited(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	unsigned n = 0;

	(void)state;
	gate_tick(3000);
	for (unsigned i = 0; i < 500; i++) {
		assert_true(path_mtu_learn(gate.workers[0], complaint(&f, 1300, 28), 20));
		n += gate_events(DP_EVENT_PATH_MTU);
	}
	assert_int_equal(n, 50);
}

// ICMPv6 "packet too big" about a packet with these bytes behind its IPv6 header, of type `first`.
static void complain6(uint8_t first, const uint8_t *behind, uint16_t len)
{
	uint8_t quote[40] = {0x60, [6] = first, [8] = 0x20, [23] = 1, [24] = 0x20, [39] = 2};
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(88 + len));

	if (!ip)
		abort();
	memset(ip, 0, 48);
	ip[0] = 0x60;
	ip[40] = 2;
	ip[46] = 5; // 1300
	ip[47] = 0x14;
	memcpy(ip + 48, quote, sizeof(quote));
	memcpy(ip + 88, behind, len);
	packet_init(m, 1, 0);
	assert_true(path_mtu_learn(gate.workers[0], m, 40));
}

// What we cut shows its SPI behind a fragment header, transport mode's may stand behind others.
static void complaints_about_fragments(void **state)
{
	static const uint8_t cut[] = {50, 0, 0, 1, 0, 0, 0, 9, 0, 0, 4, 5};
	static const uint8_t later[] = {50, 0, 5, 0, 0, 0, 0, 9, 0, 0, 4, 5};
	static const uint8_t options[] = {44, 0, 1, 4, 0, 0, 0, 0, 50, 0,
	                                  0,  1, 0, 0, 0, 9, 0, 0, 4,  5};
	uint8_t endless[8 * 20 + 8] = {0};

	(void)state;
	gate_tick(1000);
	complain6(44, cut, sizeof(cut));
	assert_int_equal(gate_event(DP_EVENT_PATH_MTU).spi, 0x0405);
	complain6(60, options, sizeof(options));
	assert_int_equal(gate_event(DP_EVENT_PATH_MTU).spi, 0x0405);
	assert_int_equal(gate_counter(COUNT_LOCAL_TOO_BIG), 2);
	complain6(44, later, sizeof(later));
	for (uint16_t len = 0; len < sizeof(options); len++)
		complain6(60, options, len);
	for (unsigned i = 0; i < 20; i++)
		endless[8 * i] = i < 19 ? 60 : 50;
	complain6(60, endless, sizeof(endless));
	assert_int_equal(gate_events(DP_EVENT_PATH_MTU), 0);
	assert_int_equal(gate_counter(COUNT_LOCAL_TOO_BIG), 2);
}

static void complaints_over_ipv6(void **state)
{
	static const uint8_t esp[] = {0, 0, 4, 5};
	struct dp_event e;

	(void)state;
	gate_tick(1000);
	complain6(50, esp, sizeof(esp));
	e = gate_event(DP_EVENT_PATH_MTU);
	assert_int_equal(e.mtu, 1300);
	assert_int_equal(e.spi, 0x0405);
	assert_int_equal(e.local.bytes[15], 1);
	assert_int_equal(e.addr.bytes[15], 2);
	assert_int_equal(e.addr.family, 6);
}

// What the control core makes of it: shorter parts at once, and a smaller answer to DF.
static void a_lower_path_mtu(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *out[WORKER_BURST];
	uint32_t longest;
	uint16_t n;

	(void)state;
	dp_sa_path_mtu(&gate, f.out, 600);
	gate_turn();
	n = pass(&f, packet(&f, 1400, 0), out, &longest);
	assert_int_equal(n, 3);
	assert_in_range(longest, 560, 600);
	check_pieces(out, n, 1400, f.tunnel);
	dp_sa_path_mtu(&gate, f.out, 0);
	gate_turn();
	assert_int_equal(outer_bits(&f, 1400, DF), DF);
}

// The outer packet leaves by another interface, which takes less than the one with the crypto map:
// the sender hears so (RFC 1191, 3), and what may be cut is cut before encryption.
static void another_interface(void **state)
{
	const struct ip_addr net = addr_v4(0xc0000200);
	const struct ip_prefix prefix = prefix_make(&net, 24);
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct worker *w = gate_owner(&f);
	struct rte_mbuf *out[WORKER_BURST], *m, *error;
	uint32_t longest, room;
	uint16_t n;

	(void)state;
	gate.ifaces[0].flags = IFACE_UP;
	gate.ifaces[0].mtu = 1300;
	assert_int_equal(route_iface_add(&gate, &prefix, 0, ROUTE_CONNECTED), 0);
	w->icmp_sizes.tokens = 9; // of the others there are none
	m = packet(&f, 1400, DF);
	assert_int_equal(esp_out(w, &m, 1), 0);
	assert_int_equal(gate_counter(DROP_MTU), 1);
	assert_int_equal(w->n_made, 1);
	error = w->made[--w->n_made];
	room = bytes_get_u16(rte_pktmbuf_mtod_offset(error, uint8_t *, 26));
	assert_in_range(room, 1240, 1250);
	rte_pktmbuf_free(error);
	m = packet(&f, (uint16_t)room, DF);
	assert_int_equal(esp_out(w, &m, 1), 1);
	assert_in_range(rte_pktmbuf_data_len(m), 1290, 1300);
	assert_int_equal(packet_of(m)->out, 0);
	rte_pktmbuf_free(m);
	n = pass(&f, packet(&f, 1400, 0), out, &longest);
	assert_int_equal(n, 2);
	assert_in_range(longest, 1200, 1300);
	check_pieces(out, n, 1400, f.tunnel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut_before_encryption),
		TEST(a_burst_of_long_ones),
		TEST(a_burst_for_small_packets),
		TEST(cut_after_encryption),
		TEST(ports_are_cut_outside),
		TEST(the_df_bit),
		TEST(no_room_at_all),
		TEST(a_router_complains),
		TEST(what_is_no_complaint),
		TEST(complaints_are_limited),
		TEST(complaints_over_ipv6),
		TEST(complaints_about_fragments),
		TEST(a_lower_path_mtu),
		TEST(another_interface),
	};

	return cmocka_run_group_tests_name("mtu", tests, eal_start, eal_stop);
}
