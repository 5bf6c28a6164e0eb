// ESP through the real stages, out and in again: every suite, every kind of bad packet, limits,
// moves, MTU, ECN. What is dropped is counted and leaves neither window nor activity changed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gate.h"

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};

static struct sa_spec in_udp(struct sa_spec spec)
{
	spec.encap = SA_ENCAP_UDP;
	spec.local_port = 4500;
	spec.remote_port = 40001;
	return spec;
}

static struct sa *sa_of(struct handle h)
{
	return sa_table_at(gate.sas, h.index);
}

static bool alive(const struct gate_flow *f)
{
	tick_t when;

	return dp_sa_last_in(&gate, f->in, &when);
}

static struct dp_sa_stats stats(struct handle h)
{
	struct dp_sa_stats s;

	dp_sa_stats(&gate, h, &s);
	return s;
}

static void check_outer(struct rte_mbuf *m, const struct gate_flow *f)
{
	struct rte_ipv4_hdr *ip = packet_ip(m);
	const uint8_t *udp = (uint8_t *)(ip + 1);

	assert_int_equal(rte_be_to_cpu_16(ip->total_length), rte_pktmbuf_data_len(m));
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	assert_int_equal(ip->type_of_service, 0xb8);
	assert_int_equal(rte_be_to_cpu_32(ip->src_addr), 0xc0000201);
	assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), 0xc000020b);
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_NO_POLICY);
	if (f->spec.encap == SA_ENCAP_NONE) {
		assert_int_equal(ip->next_proto_id, 50);
		return;
	}
	assert_int_equal(ip->next_proto_id, 17);
	assert_int_equal(udp[0] << 8 | udp[1], 4500);
	assert_int_equal(udp[2] << 8 | udp[3], 40001);
	assert_int_equal(udp[4] << 8 | udp[5], rte_pktmbuf_data_len(m) - 20);
}

static void there_and_back(const struct gate_flow *f, uint16_t len)
{
	struct rte_mbuf *m = gate_encrypt(f, len), *copy = gate_packet(len, f->tunnel);

	assert_non_null(m);
	check_outer(m, f);
	assert_true(gate_decrypt(&m));
	assert_int_equal(rte_pktmbuf_data_len(m), len);
	assert_memory_equal(packet_ip(m), packet_ip(copy), len);
	assert_int_equal(packet_of(m)->flags, PACKET_DECRYPTED);
	assert_true(handle_equal(packet_of(m)->sa, f->in));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
}

static void round_trip(void **state)
{
	static const uint16_t sizes[] = {20, 21,  28,  33,   64,   65,  66,
	                                 67, 127, 500, 1279, 1400, 1437};
	struct suite suites[SUITES_MAX];
	unsigned n = suites_all(suites);

	(void)state;
	gate.ifaces[1].mtu = 1600;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned udp = 0; udp < 2; udp++) {
			struct sa_spec spec = suite_spec(&suites[i], 0);
			struct gate_flow f = gate_flow_make(udp ? in_udp(spec) : spec);

			for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
				there_and_back(&f, sizes[k]);
			assert_int_equal(stats(f.in).packets, sizeof(sizes) / sizeof(sizes[0]));
			assert_int_equal(stats(f.in).bytes, stats(f.out).bytes);
			assert_int_equal(stats(f.out).sequence, stats(f.in).sequence);
			assert_true(alive(&f));
			dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
			gate_turn();
			assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
			dp_tunnel_del(&gate, f.tunnel);
			gate_turn();
		}
	}
}

// Flows of all suites in one burst through both stages.
static void mixed_burst(void **state)
{
	struct suite suites[SUITES_MAX];
	struct gate_flow flows[SUITES_MAX];
	struct rte_mbuf *pkts[WORKER_BURST];
	unsigned n = suites_all(suites), k = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		flows[i] = gate_flow_make(suite_spec(&suites[i], 0));
	for (unsigned i = 0; i < n; i++)
		if (gate_owner(&flows[i]) == gate.workers[0])
			for (unsigned c = 0; c < 3 && k < WORKER_BURST; c++, k++)
				pkts[k] = gate_packet((uint16_t)(30 + 11 * k), flows[i].tunnel);
	assert_int_equal(esp_out(gate.workers[0], pkts, (uint16_t)k), k);
	for (unsigned i = 0; i < k; i++)
		gate_arrive(pkts[i]);
	assert_int_equal(esp_in(gate.workers[0], pkts, (uint16_t)k), k);
	for (unsigned i = 0; i < k; i++) {
		assert_int_equal(rte_pktmbuf_data_len(pkts[i]), 30 + 11 * i);
		rte_pktmbuf_free(pkts[i]);
	}
}

// ---- packets that must not pass --------------------------------------------------------------

static void expect_drop(struct rte_mbuf *m, enum counter reason)
{
	uint64_t before = gate_counter(reason);

	assert_non_null(m);
	assert_false(gate_decrypt(&m));
	assert_int_equal(gate_counter(reason), before + 1);
}

static void tampered(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct gate_flow f = gate_flow_make(suite_spec(kind ? &cbc : &gcm, 0));
		unsigned len = 0, rejected = 0;

		for (unsigned at = 24; at == 24 || at < len; at++) { // sequence number to ICV
			struct rte_mbuf *m = gate_encrypt(&f, 60);

			len = rte_pktmbuf_data_len(m);
			rte_pktmbuf_mtod(m, uint8_t *)[at] ^= 1;
			expect_drop(m, DROP_ESP_AUTH);
			rejected++;
		}
		assert_int_equal(stats(f.in).auth_failed, rejected);
		assert_int_equal(stats(f.in).sequence, 0);
		assert_int_equal(stats(f.in).packets, 0);
		assert_false(alive(&f));
	}
}

static void replayed(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *pkts[3];

	(void)state;
	pkts[0] = gate_encrypt(&f, 100);
	pkts[1] = rte_pktmbuf_copy(pkts[0], gate.pool, 0, UINT32_MAX);
	pkts[2] = rte_pktmbuf_copy(pkts[0], gate.pool, 0, UINT32_MAX);
	gate_arrive(pkts[0]);
	gate_arrive(pkts[1]);
	// Both pass the check of one burst, one passes the commit.
	assert_int_equal(esp_in(gate.workers[0], pkts, 2), 1);
	assert_int_equal(gate_counter(DROP_ESP_REPLAY_LATE), 1);
	rte_pktmbuf_free(pkts[0]);
	gate_tick(2000);
	expect_drop(pkts[2], DROP_ESP_REPLAY);
	assert_int_equal(stats(f.in).replayed, 2);
	assert_int_equal(stats(f.in).replay_window, 64);
	assert_int_equal(stats(f.out).replay_window, 0);
	assert_int_equal(stats(f.in).last, 1000); // a replayed packet is no sign of life
}

static void cut_short(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&cbc, 0));
	uint16_t full = 0;

	(void)state;
	for (uint16_t cut = 1; cut == 1 || cut <= full - 20; cut++) {
		struct rte_mbuf *m = gate_encrypt(&f, 60);

		full = rte_pktmbuf_data_len(m);
		rte_pktmbuf_trim(m, cut);
		gate_arrive(m);
		assert_int_equal(esp_in(gate.workers[0], &m, 1), 0);
	}
	assert_int_equal(gate_counter(DROP_ESP_RUNT), 8);
	assert_int_equal(gate_counter(DROP_ESP_RUNT) + gate_counter(DROP_ESP_LENGTH) +
	                         gate_counter(DROP_ESP_AUTH),
	                 full - 20);
	assert_false(alive(&f));
}

// An authentic ESP packet with any text: what a broken, but not an evil, peer would send.
static struct rte_mbuf *authentic(const struct gate_flow *f, const uint8_t *text, uint32_t len)
{
	struct rte_mbuf *m = gate_encrypt(f, (uint16_t)(len - ESP_TRAILER));
	struct crypto_item item = {.sa = sa_of(f->out), .text_len = len};
	struct sa mirror = *sa_of(f->out);

	assert_non_null(m);
	item.sa = &mirror;
	item.esp = rte_pktmbuf_mtod_offset(m, uint8_t *, mirror.head_len);
	memcpy(item.esp + SA_ESP_HEADER + mirror.iv_len, text, len);
	crypto_encrypt(gate.workers[0]->esp->crypto, &item, 1, crypto_engine(item.sa));
	assert_true(item.ok);
	return m;
}

static void bad_text(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&cbc, 0));
	uint8_t text[64] = {0};

	(void)state;
	text[62] = 63; // more padding than text
	text[63] = 4;
	expect_drop(authentic(&f, text, 64), DROP_ESP_PADDING);
	text[62] = 3; // padding is not 1, 2, 3
	expect_drop(authentic(&f, text, 64), DROP_ESP_PADDING);
	text[62] = 0;
	text[63] = ESP_NEXT_DUMMY;
	expect_drop(authentic(&f, text, 64), DROP_ESP_DUMMY);
	text[63] = 41;
	expect_drop(authentic(&f, text, 64), DROP_ESP_INNER);
	text[63] = 4; // no IPv4 packet
	expect_drop(authentic(&f, text, 64), DROP_ESP_INNER);
	text[0] = 0x45;
	text[3] = 200; // longer than what there is
	expect_drop(authentic(&f, text, 64), DROP_ESP_INNER);
	assert_int_equal(stats(f.in).other_drops, 5); // a dummy is no error
	assert_int_equal(stats(f.in).packets, 0);
	assert_true(alive(&f)); // the ICV held: the peer lives
}

// Whatever an authenticated text says, nothing is read beyond it.
static void random_text(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&cbc, 0));

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t len = 32 + 16 * rng(6);
		uint8_t text[128];
		struct rte_mbuf *m;

		for (uint32_t k = 0; k < len; k++)
			text[k] = (uint8_t)rng(256);
		text[0] = (uint8_t)(0x40 + rng(16));
		text[2] = 0;
		text[len - 2] = rng(2) ? 0 : (uint8_t)rng(256);
		text[len - 1] = rng(8) ? ESP_NEXT_IPV4 : (uint8_t)rng(256);
		m = authentic(&f, text, len);
		if (gate_decrypt(&m))
			rte_pktmbuf_free(m);
	}
	assert_int_equal(stats(f.in).sequence, 3000);
	assert_int_equal(stats(f.in).auth_failed, 0);
}

static void wrong_encapsulation(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m = gate_encrypt(&f, 100);

	(void)state;
	gate_arrive(m);
	packet_of(m)->flags = PACKET_IN_UDP;
	assert_int_equal(esp_in(gate.workers[0], &m, 1), 0);
	assert_int_equal(gate_counter(DROP_ESP_ENCAP), 1);
}

static void selectors(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		m = gate_packet(100, f.tunnel);
		if (i)
			packet_ip(m)->src_addr = rte_cpu_to_be_32(0x0a030001);
		else
			packet_ip(m)->dst_addr = rte_cpu_to_be_32(0x0a030001);
		assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
		expect_drop(m, DROP_ESP_SELECTOR);
	}
	assert_int_equal(stats(f.in).bad_selector, 2);
	assert_int_equal(stats(f.in).packets, 0);
}

static struct rte_mbuf *with_ports(const struct gate_flow *f, uint16_t src, uint16_t dst,
                                   uint16_t offset)
{
	struct rte_mbuf *m = gate_packet(100, f->tunnel);
	uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, 20);

	udp[0] = (uint8_t)(src >> 8);
	udp[1] = (uint8_t)src;
	udp[2] = (uint8_t)(dst >> 8);
	udp[3] = (uint8_t)dst;
	packet_ip(m)->fragment_offset = rte_cpu_to_be_16(offset);
	assert_int_equal(esp_out(gate_owner(f), &m, 1), 1);
	return m;
}

static void selector_ports(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	spec.selector.proto = 17;
	spec.selector.local_port = 1701; // of the sender
	f = gate_flow_make(spec);
	m = with_ports(&f, 1701, 9, 0);
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	expect_drop(with_ports(&f, 1702, 9, 0), DROP_ESP_SELECTOR);
	expect_drop(with_ports(&f, 1701, 9, 10), DROP_ESP_SELECTOR); // a later fragment
}

static void unknown_spi(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct dp_event event;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct rte_mbuf *m = gate_encrypt(&f, 100);

		rte_pktmbuf_mtod(m, uint8_t *)[23] ^= 1; // the generation
		if (i == 1)
			rte_pktmbuf_mtod(m, uint8_t *)[20] = 0; // a foreign SPI
		expect_drop(m, DROP_ESP_NO_SA);
	}
	event = gate_event(DP_EVENT_INVALID_SPI);
	assert_int_equal(event.kind, DP_EVENT_INVALID_SPI);
	assert_int_equal(event.spi, f.spec.spi ^ 1);
	assert_int_equal(addr_v4_host(&event.addr), 0xc0000201);
	assert_int_equal(addr_v4_host(&event.local), 0xc000020b);
	assert_int_equal(gate_events(DP_EVENT_INVALID_SPI), ESP_INVALID_SPI_RATE - 1);
}

// ---- the rest --------------------------------------------------------------------------------

static void no_replay_protection_proves_nothing(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct rte_mbuf *m, *copy;
	struct gate_flow f;

	(void)state;
	spec.replay_window = 0;
	f = gate_flow_make(spec);
	m = gate_encrypt(&f, 100);
	copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	assert_true(gate_decrypt(&m));
	assert_true(gate_decrypt(&copy));
	assert_false(alive(&f));
	assert_int_equal(stats(f.in).last, 1000);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
}

static void large_window(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct rte_mbuf *old[200];
	struct gate_flow f;

	(void)state;
	spec.replay_window = 4096;
	f = gate_flow_make(spec);
	for (unsigned i = 0; i < 200; i++)
		old[i] = gate_encrypt(&f, 40);
	for (unsigned i = 200; i-- > 0;) { // backwards: all within the window
		assert_true(gate_decrypt(&old[i]));
		rte_pktmbuf_free(old[i]);
	}
	assert_int_equal(stats(f.in).packets, 200);
}

static void lifetimes(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct rte_mbuf *m;
	struct gate_flow f;

	(void)state;
	spec.soft_packets = 3;
	spec.hard_packets = 5;
	f = gate_flow_make(spec);
	for (unsigned i = 1; i <= 7; i++) {
		m = gate_encrypt(&f, 100);
		assert_int_equal(m != NULL, i <= 5);
		assert_int_equal(gate_events(DP_EVENT_SA_SOFT), i == 4);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(gate_counter(DROP_ESP_LIFETIME), 2);
	assert_int_equal(stats(f.out).sequence, 5);
	spec.soft_packets = spec.hard_packets = 0;
	spec.kilobytes = 1;
	f = gate_flow_make(spec);
	for (unsigned i = 1; i <= 13; i++) { // 960 and 1024 bytes
		m = gate_encrypt(&f, 100);
		assert_int_equal(m != NULL, i <= 11);
		assert_int_equal(gate_events(i < 12 ? DP_EVENT_SA_SOFT : DP_EVENT_SA_HARD),
		                 i == 11 || i == 12);
		rte_pktmbuf_free(m);
	}
}

static void sequence_never_wraps(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m;

	(void)state;
	sa_of(f.out)->sequence = UINT32_MAX - 1u;
	m = gate_encrypt(&f, 100);
	assert_non_null(m);
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	assert_int_equal(stats(f.in).sequence, UINT32_MAX);
	assert_int_equal(gate_events(DP_EVENT_SA_SOFT), 1);
	assert_null(gate_encrypt(&f, 100));
	assert_null(gate_encrypt(&f, 100));
	assert_int_equal(gate_events(DP_EVENT_SA_HARD), 1);
}

static void peer_moves(void **state)
{
	struct gate_flow f = gate_flow_make(in_udp(suite_spec(&gcm, 0)));
	struct rte_mbuf *m = gate_encrypt(&f, 100), *late = gate_encrypt(&f, 100);
	struct ip_addr moved = addr_v4(0xc0000263);
	struct dp_event event;

	(void)state;
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	m = gate_encrypt(&f, 100);
	rte_pktmbuf_mtod(m, uint8_t *)[21] = 0x11; // source port 0x1111
	packet_ip(m)->src_addr = rte_cpu_to_be_32(0xc0000263);
	rte_pktmbuf_mtod(m, uint8_t *)[60] ^= 1;
	expect_drop(rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX), DROP_ESP_AUTH);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 0); // not before the ICV holds
	rte_pktmbuf_mtod(m, uint8_t *)[60] ^= 1;
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	event = gate_event(DP_EVENT_SA_MOVED);
	assert_int_equal(event.kind, DP_EVENT_SA_MOVED);
	assert_true(handle_equal(event.sa, f.in));
	assert_int_equal(event.port, 0x1111);
	assert_int_equal(addr_v4_host(&event.addr), 0xc0000263);
	// A late packet from the old place is authentic, but does not bring the peer back.
	assert_true(gate_decrypt(&late));
	rte_pktmbuf_free(late);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 0);
	dp_sa_move(&gate, f.out, &moved, 4369);
	gate_turn();
	m = gate_encrypt(&f, 100);
	assert_int_equal(packet_ip(m)->dst_addr, rte_cpu_to_be_32(0xc0000263));
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[22], 0x11);
	rte_pktmbuf_free(m);
}

// It has moved by another SA's packets, and back: where this one heard it last does not count any
// more.
static void peer_comes_back(void **state)
{
	struct gate_flow f = gate_flow_make(in_udp(suite_spec(&gcm, 0)));
	struct rte_mbuf *m = gate_encrypt(&f, 100);
	struct ip_addr moved = addr_v4(0xc0000263);

	(void)state;
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	m = gate_encrypt(&f, 100);
	dp_sa_move(&gate, f.out, &moved, 4369);
	dp_sa_forget_place(&gate, f.in);
	dp_sa_forget_place(&gate, f.out); // which has none
	gate_turn();
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 1);
}

// Without replay protection any packet may be a copy, sent on by whoever has seen it.
static void copy_moves_nobody(void **state)
{
	struct sa_spec spec = in_udp(suite_spec(&gcm, 0));
	struct rte_mbuf *m, *copy;
	struct gate_flow f;

	(void)state;
	spec.replay_window = 0;
	f = gate_flow_make(spec);
	m = gate_encrypt(&f, 100);
	copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	packet_ip(copy)->src_addr = rte_cpu_to_be_32(0xc0000263);
	assert_true(gate_decrypt(&copy));
	rte_pktmbuf_free(copy);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 0);
}

static void too_big(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m = gate_packet(1480, f.tunnel);
	uint8_t *icmp;
	uint16_t mtu;

	(void)state;
	// May be fragmented: see test_mtu.c.
	rte_pktmbuf_free(m);
	m = gate_packet(1480, f.tunnel);
	packet_ip(m)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_int_equal(gate_counter(DROP_MTU), 1);
	gate_tick(2000);
	m = gate_packet(1480, f.tunnel);
	packet_ip(m)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_true(gate_owner(&f)->n_made > 0);
	icmp = rte_pktmbuf_mtod_offset(gate_owner(&f)->made[0], uint8_t *, 20);
	assert_int_equal(icmp[0], 3);
	assert_int_equal(icmp[1], 4);
	mtu = (uint16_t)(icmp[6] << 8 | icmp[7]);
	assert_in_range(mtu, 1400, 1479);
	// The size that was named fits, one byte more does not.
	for (uint16_t extra = 0; extra < 2; extra++) {
		m = gate_packet((uint16_t)(mtu + extra), f.tunnel);
		packet_ip(m)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
		assert_int_equal(esp_out(gate_owner(&f), &m, 1), extra == 0);
		if (extra)
			continue;
		assert_int_equal(packet_ip(m)->fragment_offset,
		                 rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG));
		assert_in_range(rte_pktmbuf_data_len(m), 1490, 1500);
		rte_pktmbuf_free(m);
	}
}

// RFC 6040, figure 4.
static void congestion(void **state)
{
	static const int expected[4][4] = {
		// outer: Not-ECT, ECT(1), ECT(0), CE
		{0, 0, 0, -1}, // inner Not-ECT
		{1, 1, 1, 3},  // ECT(1)
		{2, 1, 2, 3},  // ECT(0)
		{3, 3, 3, 3},  // CE
	};
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));

	(void)state;
	for (uint8_t inner = 0; inner < 4; inner++)
		for (uint8_t outer = 0; outer < 4; outer++) {
			struct rte_mbuf *m = gate_packet(64, f.tunnel);

			packet_ip(m)->type_of_service = 0xb8 | inner;
			packet_checksum_ipv4(packet_ip(m));
			assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
			assert_int_equal(packet_ip(m)->type_of_service, 0xb8 | inner);
			packet_ip(m)->type_of_service = 0xb8 | outer;
			if (expected[inner][outer] < 0) {
				expect_drop(m, DROP_ESP_ECN);
				continue;
			}
			assert_true(gate_decrypt(&m));
			assert_int_equal(packet_ip(m)->type_of_service,
			                 0xb8 | expected[inner][outer]);
			assert_int_equal(rte_ipv4_cksum(packet_ip(m)), 0);
			rte_pktmbuf_free(m);
		}
}

static void other_owner(void **state)
{
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	gate_rss = 1; // the inbound SA belongs to worker 1
	f = gate_flow_make(suite_spec(&gcm, 0));
	m = gate_packet(100, f.tunnel);
	// The other worker hands the packet to the flow's owner.
	assert_int_equal(esp_out(gate.workers[!gate_owner(&f)->index], &m, 1), 0);
	assert_int_equal(handoff_recv(gate_owner(&f), !gate_owner(&f)->index, &m, 1), 1);
	assert_int_equal(packet_of(m)->kind, PACKET_TUNNEL);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 1);
	gate_arrive(m);
	assert_int_equal(esp_in(gate.workers[0], &m, 1), 0);
	assert_int_equal(handoff_recv(gate.workers[1], 0, &m, 1), 1);
	assert_int_equal(packet_of(m)->kind, PACKET_ESP);
	assert_int_equal(esp_in(gate.workers[1], &m, 1), 1);
	rte_pktmbuf_free(m);
}

static void no_room(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m = gate_packet(100, f.tunnel);

	(void)state;
	assert_non_null(rte_pktmbuf_prepend(m, rte_pktmbuf_headroom(m) - 10));
	memmove(rte_pktmbuf_mtod(m, char *), rte_pktmbuf_mtod_offset(m, char *, 118), 20);
	assert_int_equal(esp_out(gate_owner(&f), &m, 1), 0);
	assert_int_equal(gate_counter(DROP_NO_BUFFER), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(mixed_burst),
		TEST(tampered),
		TEST(replayed),
		TEST(cut_short),
		TEST(bad_text),
		TEST(random_text),
		TEST(wrong_encapsulation),
		TEST(selectors),
		TEST(selector_ports),
		TEST(unknown_spi),
		TEST(no_replay_protection_proves_nothing),
		TEST(large_window),
		TEST(lifetimes),
		TEST(sequence_never_wraps),
		TEST(peer_moves),
		TEST(peer_comes_back),
		TEST(copy_moves_nobody),
		TEST(too_big),
		TEST(congestion),
		TEST(other_owner),
		TEST(no_room),
	};

	return cmocka_run_group_tests_name("esp", tests, eal_start, eal_stop);
}
