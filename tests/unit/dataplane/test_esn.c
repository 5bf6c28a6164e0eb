// Extended sequence numbers through the real stages (RFC 4303, 2.2.1): every suite across a wrap of
// the half that is sent, in order and out of it, in bursts beside SAs without; the last number.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate.h"

#define WRAP (UINT32_MAX + 1ull)

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
static const struct suite cbc = {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96};

static struct sa *sa_of(struct handle h)
{
	return sa_table_at(gate.sas, h.index);
}

static struct gate_flow flow_make(const struct suite *suite, bool esn, uint32_t window)
{
	struct sa_spec spec = suite_spec(suite, 0);

	spec.esn = esn;
	spec.replay_window = window;
	return gate_flow_make(spec);
}

static void flow_end(const struct gate_flow *f)
{
	dp_sa_del(&gate, (struct handle[]){f->in, f->out}, 2);
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	dp_tunnel_del(&gate, f->tunnel);
	gate_turn();
}

// As if so many packets had gone and come.
static void advance(const struct gate_flow *f, uint64_t sequence)
{
	sa_of(f->out)->sequence = sequence;
	assert_true(replay_commit(&sa_of(f->in)->replay, sequence));
}

static void check_inner(struct rte_mbuf *m, const struct gate_flow *f)
{
	uint16_t len = rte_pktmbuf_data_len(m);
	struct rte_mbuf *copy = gate_packet(len, f->tunnel);

	assert_memory_equal(packet_ip(m), packet_ip(copy), len);
	rte_pktmbuf_free(copy);
	rte_pktmbuf_free(m);
}

static void in_order(const struct gate_flow *f, unsigned n)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	uint64_t before = gate_counter(COUNT_DECRYPTED);

	for (unsigned i = 0; i < n; i++)
		pkts[i] = gate_packet((uint16_t)(60 + i), f->tunnel);
	assert_int_equal(esp_out(gate_owner(f), pkts, (uint16_t)n), n);
	for (unsigned i = 0; i < n; i++)
		gate_arrive(pkts[i]);
	assert_int_equal(esp_in(gate.workers[0], pkts, (uint16_t)n), n);
	assert_int_equal(gate_counter(COUNT_DECRYPTED), before + n);
	for (unsigned i = 0; i < n; i++)
		check_inner(pkts[i], f);
}

static void all_suites_across(void **state)
{
	static const uint64_t wraps[] = {WRAP, 0x80000000 * WRAP, UINT64_MAX - UINT32_MAX};
	struct suite suites[SUITES_MAX];
	unsigned n = suites_all(suites);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct gate_flow f = flow_make(&suites[i], true, 64);

		for (unsigned k = 0; k < 3; k++) {
			advance(&f, wraps[k] - 20);
			in_order(&f, WORKER_BURST);
			in_order(&f, 1);
			assert_int_equal(sa_of(f.out)->sequence, wraps[k] - 20 + WORKER_BURST + 1);
			assert_int_equal(sa_of(f.in)->replay.top, sa_of(f.out)->sequence);
		}
		flow_end(&f);
	}
	assert_int_equal(gate_counter(DROP_ESP_AUTH), 0);
}

// Around the wrap every packet of a window comes, in an order of chance, and again.
static void out_of_order(const struct gate_flow *f, uint32_t window)
{
	unsigned n = window < 400 ? window : 400;
	struct rte_mbuf *pkts[400];

	advance(f, 3 * WRAP - n / 2);
	for (unsigned i = 0; i < n; i++)
		assert_non_null(pkts[i] = gate_encrypt(f, 60));
	for (unsigned left = n; left; left--) {
		unsigned at = rng(left);
		struct rte_mbuf *m = pkts[at];
		struct rte_mbuf *copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);

		pkts[at] = pkts[left - 1];
		assert_true(gate_decrypt(&m));
		check_inner(m, f);
		assert_false(gate_decrypt(&copy));
	}
	assert_int_equal(gate_counter(DROP_ESP_AUTH), 0);
	assert_int_equal(sa_of(f->in)->replay.top, 3 * WRAP - n / 2 + n);
}

static void windows(void **state)
{
	static const uint32_t sizes[] = {64, 128, 1000, 4096};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct gate_flow f = flow_make(&gcm, true, sizes[i]);
		uint64_t replayed = gate_counter(DROP_ESP_REPLAY);

		out_of_order(&f, sizes[i]);
		assert_int_equal(gate_counter(DROP_ESP_REPLAY) - replayed,
		                 sizes[i] < 400 ? sizes[i] : 400);
		flow_end(&f);
	}
}

// What is older than the window counts as one of the next round, and its ICV does not hold.
static void below_the_window(void **state)
{
	struct gate_flow f = flow_make(&cbc, true, 64);
	struct rte_mbuf *old, *edge;

	(void)state;
	advance(&f, WRAP - 10);
	old = gate_encrypt(&f, 60);
	edge = gate_encrypt(&f, 60);
	in_order(&f, 63);
	assert_false(gate_decrypt(&old));
	assert_int_equal(gate_counter(DROP_ESP_AUTH), 1);
	assert_true(gate_decrypt(&edge));
	check_inner(edge, &f);
	assert_int_equal(sa_of(f.in)->replay.top, WRAP - 10 + 65);
}

// Flows with and without, of all kinds of cryptography, in one burst.
static void beside_others(void **state)
{
	static const struct suite chacha = {SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE};
	const struct suite *suites[] = {&gcm, &cbc, &chacha};
	struct rte_mbuf *pkts[WORKER_BURST];
	struct gate_flow flows[12];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		flows[i] = flow_make(suites[i % 3], i % 4 < 2, 64);
		if (i % 4 < 2)
			advance(&flows[i], WRAP - 2);
	}
	for (unsigned i = 0; i < 12; i++)
		for (unsigned k = 0; k < 4 && gate_owner(&flows[i]) == gate.workers[0]; k++)
			pkts[n++] = gate_packet((uint16_t)(60 + 10 * i + k), flows[i].tunnel);
	assert_true(n > 12);
	assert_int_equal(esp_out(gate.workers[0], pkts, (uint16_t)n), n);
	for (unsigned i = 0; i < n; i++)
		gate_arrive(pkts[i]);
	assert_int_equal(esp_in(gate.workers[0], pkts, (uint16_t)n), n);
	for (unsigned i = 0; i < n; i++)
		check_inner(pkts[i], &flows[0]);
}

// One side takes the numbers for extended, the other does not: nothing passes.
static void both_or_none(void **state)
{
	const struct suite *suites[] = {&gcm, &cbc};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct gate_flow f = flow_make(suites[i / 2], i % 2, 64);
		struct rte_mbuf *m;

		sa_of(f.in)->engine ^= SA_ENGINE_ESN;
		m = gate_encrypt(&f, 60);
		assert_false(gate_decrypt(&m));
		assert_int_equal(gate_counter(DROP_ESP_AUTH), i + 1);
	}
}

// RFC 4303 3.3.3: the last number is 2^64 - 1, and a burst does not reach beyond it.
static void last_number(void **state)
{
	struct gate_flow f = flow_make(&gcm, true, 64);
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t n;

	(void)state;
	advance(&f, UINT64_MAX - 10);
	for (unsigned i = 0; i < WORKER_BURST; i++)
		pkts[i] = gate_packet(60, f.tunnel);
	n = esp_out(gate_owner(&f), pkts, WORKER_BURST);
	assert_int_equal(n, 10);
	for (unsigned i = 0; i < n; i++) {
		assert_true(gate_decrypt(&pkts[i]));
		check_inner(pkts[i], &f);
	}
	assert_int_equal(sa_of(f.out)->sequence, UINT64_MAX);
	assert_int_equal(sa_of(f.in)->replay.top, UINT64_MAX);
	assert_int_equal(gate_counter(DROP_ESP_LIFETIME), WORKER_BURST - 10);
	assert_null(gate_encrypt(&f, 60));
	assert_int_equal(gate_events(DP_EVENT_SA_HARD), 1);
}

static void asks_in_time(void **state)
{
	struct gate_flow f = flow_make(&gcm, true, 64);

	(void)state;
	advance(&f, UINT32_MAX - 2u);
	in_order(&f, 10);
	assert_int_equal(gate_events(DP_EVENT_SA_SOFT), 0); // 2^32 is no end for it
	advance(&f, UINT64_MAX - (1u << 28) - 1);
	in_order(&f, 10);
	assert_int_equal(gate_events(DP_EVENT_SA_SOFT), 1);
}

// Behind a NAT the peer is where its newest packet came from, on this side of a wrap and on that.
static void moves_across(void **state)
{
	struct sa_spec spec = suite_spec(&gcm, 0);
	struct rte_mbuf *m, *late;
	struct gate_flow f;

	(void)state;
	spec.esn = true;
	spec.encap = SA_ENCAP_UDP;
	spec.local_port = 4500;
	spec.remote_port = 40001;
	f = gate_flow_make(spec);
	advance(&f, WRAP - 2);
	late = gate_encrypt(&f, 60);
	m = gate_encrypt(&f, 60); // 2^32: what is sent of it is 0
	rte_pktmbuf_mtod(m, uint8_t *)[21] = 0x11;
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 1);
	assert_true(gate_decrypt(&late));
	rte_pktmbuf_free(late);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 0);
}

// An attacker's numbers lead nowhere: neither the window nor the round moves.
static void forged(void **state)
{
	struct gate_flow f = flow_make(&cbc, true, 64);

	(void)state;
	advance(&f, 2 * WRAP + 5);
	for (unsigned i = 0; i < 2000; i++) {
		struct rte_mbuf *m = gate_encrypt(&f, 60);
		uint32_t seq = rng(UINT32_MAX);

		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 24), &seq, sizeof(seq));
		assert_false(gate_decrypt(&m));
	}
	assert_int_equal(sa_of(f.in)->replay.top, 2 * WRAP + 5);
	sa_of(f.out)->sequence = 2 * WRAP + 5;
	in_order(&f, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_suites_across), TEST(windows),      TEST(below_the_window),
		TEST(beside_others),     TEST(both_or_none), TEST(last_number),
		TEST(asks_in_time),      TEST(moves_across), TEST(forged),
	};

	return cmocka_run_group_tests_name("esn", tests, eal_start, eal_stop);
}
