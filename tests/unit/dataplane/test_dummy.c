// Dummy packets (RFC 4303 2.6): they come when they are due, are what the other end discards, and
// change nothing that real traffic would.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "addr.h"
#include "bytes.h"
#include "dummy.h"
#include "gate.h"

#define FLOWS 60u

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

static int start(void **state)
{
	struct ip_addr network = addr_v4(0xc0000200), none = {0};
	struct ip_prefix prefix = prefix_make(&network, 24);

	if (gate_start(state))
		return -1;
	gate.ifaces[1].flags = IFACE_UP;
	return dp_route_add(&gate, &prefix, &none, 1);
}

static struct sa_spec every(tick_t interval)
{
	struct sa_spec spec = suite_spec(&gcm, 0);

	spec.dummy_interval = interval;
	return spec;
}

static struct sa *sa_of(struct handle h)
{
	return sa_table_at(gate.sas, h.index);
}

// One turn of a worker: how many left.
static unsigned turn(struct worker *w)
{
	struct rte_mbuf *pkts[DUMMY_BURST];
	uint16_t n = dummy_packets(w, pkts);

	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

// Time passes for all workers; returns how many dummies left.
static unsigned pass(tick_t ticks)
{
	unsigned all = 0;

	while (ticks--)
		for (unsigned i = 0; i < GATE_WORKERS; i++) {
			gate.workers[i]->now++;
			for (unsigned t = 0; t < 20; t++)
				all += turn(gate.workers[i]);
		}
	return all;
}

// The next dummy of a flow, within its interval.
static struct rte_mbuf *next_dummy(const struct gate_flow *f)
{
	struct worker *w = gate_owner(f);
	struct rte_mbuf *pkts[DUMMY_BURST];
	uint16_t n = 0;

	for (tick_t i = 0; i < 2 * f->spec.dummy_interval && n == 0; i++) {
		w->now++;
		for (unsigned t = 0; t < 10 && n == 0; t++)
			n = dummy_packets(w, pkts);
	}
	assert_int_equal(n, 1);
	return pkts[0];
}

static void come_when_due(void **state)
{
	struct gate_flow f = gate_flow_make(every(10)), silent = gate_flow_make(every(0));
	unsigned n = pass(1000);

	(void)state;
	assert_in_range(n, 99, 101);
	assert_int_equal(gate_counter(COUNT_DUMMIES), n);
	assert_int_equal(sa_of(f.out)->sequence, n);
	assert_int_equal(sa_of(f.out)->packets, n);
	assert_int_equal(sa_of(silent.out)->sequence, 0);
	f = gate_flow_make(every(100000)); // longer than all the lists
	n = pass(300000);
	assert_in_range(sa_of(f.out)->sequence, 2, 3);
}

// What sends by itself has its keys at once; they are counted, and gone with it.
static void are_never_cold(void **state)
{
	struct dp_memory before, with, after;
	struct gate_flow silent, f;

	(void)state;
	dp_memory(&gate, &before);
	silent = gate_flow_make(every(0));
	f = gate_flow_make(every(10));
	dp_memory(&gate, &with);
	assert_int_equal(with.expanded, before.expanded + 1);
	assert_true(sa_is_cold(sa_of(silent.out)));
	assert_true(sa_is_warm(sa_of(f.out)));
	pass(100);
	dp_sa_del(&gate, (struct handle[]){f.in, f.out, silent.in, silent.out}, 4);
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 4);
	assert_int_equal(pass(100), 0);
	dp_memory(&gate, &after);
	assert_int_equal(after.expanded, before.expanded);
}

static void are_no_traffic(void **state)
{
	struct gate_flow f = gate_flow_make(every(4));
	tick_t when;

	(void)state;
	dp_peer_watch(&gate, 3, 100);
	gate_turn();
	assert_true(pass(1000) > 200);
	assert_false(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(gate_events(DP_EVENT_DOUBT), 0);
	assert_int_equal(sa_of(f.out)->last_out, 0);
	// Real traffic is doubted as ever.
	for (unsigned i = 0; i < 3; i++) {
		gate_owner(&f)->now += 200;
		rte_pktmbuf_free(gate_encrypt(&f, 100));
	}
	assert_int_equal(gate_events(DP_EVENT_DOUBT), 1);
}

// The other end discards it, counts no error, and knows that we live.
static void check_received(const struct gate_flow *f)
{
	uint64_t before = gate_counter(DROP_ESP_DUMMY);
	struct rte_mbuf *m = next_dummy(f);
	struct rte_ipv4_hdr *ip = packet_ip(m);
	tick_t when;

	assert_int_equal(rte_be_to_cpu_16(ip->total_length), rte_pktmbuf_data_len(m));
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), 0xc000020b);
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_NO_POLICY);
	assert_int_equal(packet_of(m)->out, 1);
	assert_false(gate_decrypt(&m));
	assert_int_equal(gate_counter(DROP_ESP_DUMMY), before + 1);
	assert_int_equal(sa_of(f->in)->other_drops, 0);
	assert_int_equal(sa_of(f->in)->packets, 0);
	assert_true(dp_sa_last_in(&gate, f->in, &when));
}

static void every_suite(void **state)
{
	struct suite suites[SUITES_MAX];
	unsigned n = suites_all(suites);

	(void)state;
	for (unsigned i = 0; i < 8 * n; i++) {
		struct sa_spec spec = suite_spec(&suites[i / 8], 0);
		struct gate_flow f;

		spec.dummy_interval = 5;
		spec.esn = i & 1;
		if (i & 2) {
			spec.encap = SA_ENCAP_UDP;
			spec.local_port = spec.remote_port = 4500;
		}
		if (i & 4) {
			spec.mode = SA_MODE_TRANSPORT;
			spec.selector = (struct selector){.local = prefix_host(&spec.local),
			                                  .remote = prefix_host(&spec.remote)};
		}
		f = gate_flow_make(spec);
		for (unsigned k = 0; k < 20; k++)
			check_received(&f);
		dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
		gate_turn();
		(void)gate_events(DP_EVENT_SA_GONE);
		dp_tunnel_del(&gate, f.tunnel);
		gate_turn();
	}
}

// All lengths that packets have, none that they cannot have; no two alike inside.
static void lengths(void **state)
{
	struct sa_spec spec = every(1);
	uint32_t shortest = UINT32_MAX, longest = 0;
	struct gate_flow f;

	(void)state;
	spec.path_mtu = 1000;
	f = gate_flow_make(spec);
	for (unsigned i = 0; i < 5000; i++) {
		struct rte_mbuf *m = next_dummy(&f);

		shortest = RTE_MIN(shortest, rte_pktmbuf_data_len(m));
		longest = RTE_MAX(longest, rte_pktmbuf_data_len(m));
		rte_pktmbuf_free(m);
	}
	assert_int_equal(shortest, 20 + 8 + 8 + 32 + 16); // 28 bytes and the trailer
	assert_int_equal(longest, 1000);
	gate.ifaces[1].mtu = 80; // nothing fits
	assert_int_equal(pass(20), 0);
}

// Only the SA that its flow uses sends.
static void successor(void **state)
{
	struct gate_flow f = gate_flow_make(every(10));
	struct sa_spec spec = f.spec;
	struct handle next;
	uint64_t before;

	(void)state;
	assert_true(pass(100) > 0);
	assert_int_equal(dp_sa_add_out(&gate, &spec, f.tunnel, f.in, &next), 0);
	dp_tunnel_use(&gate, f.tunnel, next);
	gate_turn();
	pass(20);
	before = sa_of(f.out)->sequence;
	pass(200);
	assert_int_equal(sa_of(f.out)->sequence, before);
	assert_in_range(sa_of(next)->sequence, 19, 23);
	dp_tunnel_use(&gate, f.tunnel, next); // said twice: sends once
	gate_turn();
	before = sa_of(next)->sequence;
	pass(100);
	assert_in_range(sa_of(next)->sequence - before, 9, 11);
	dp_tunnel_use(&gate, f.tunnel, (struct handle){0});
	gate_turn();
	pass(20);
	assert_int_equal(gate_owner(&f)->esp->dummies.n, 0);
}

static void ends_with_its_lifetime(void **state)
{
	struct sa_spec spec = every(2);

	(void)state;
	spec.hard_packets = 5;
	(void)gate_flow_make(spec);
	assert_int_equal(pass(100), 5);
	assert_int_equal(gate_events(DP_EVENT_SA_HARD), 1);
}

static void no_way_out(void **state)
{
	struct gate_flow f = gate_flow_make(every(10));

	(void)state;
	gate.ifaces[1].flags = 0;
	assert_int_equal(pass(100), 0);
	assert_int_equal(sa_of(f.out)->sequence, 0);
	gate.ifaces[1].flags = IFACE_UP;
	assert_in_range(pass(100), 9, 11);
}

// Many SAs due in each tick: a turn does a bounded part; after a pause nothing is made up for.
static void bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FLOWS; i++)
		(void)gate_flow_make(every(1));
	gate.workers[0]->now++;
	assert_int_equal(turn(gate.workers[0]), DUMMY_BURST);
	assert_in_range(pass(100), 98 * FLOWS, 102 * FLOWS);
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		gate.workers[i]->now += 1000;
	assert_in_range(pass(10), 8 * FLOWS, 13 * FLOWS);
}

// SAs come and go, with all sorts of intervals; each of those that are there keeps its rate.
static void coming_and_going(void **state)
{
	static const tick_t intervals[] = {1, 3, 4, 25, 100, 255, 256, 257, 600};
	struct gate_flow flows[FLOWS];
	bool there[FLOWS] = {false};

	(void)state;
	for (unsigned round = 0; round < 30; round++) {
		uint64_t before[FLOWS];

		for (unsigned i = 0; i < FLOWS; i++) {
			if (rng(3) == 0 && there[i]) {
				dp_sa_del(&gate, (struct handle[]){flows[i].in, flows[i].out}, 2);
				gate_turn();
				(void)gate_events(DP_EVENT_SA_GONE);
				dp_tunnel_del(&gate, flows[i].tunnel);
				gate_turn();
				there[i] = false;
			} else if (!there[i]) {
				flows[i] = gate_flow_make(every(intervals[rng(9)]));
				there[i] = true;
			}
		}
		pass(600); // the first ones come at random times
		for (unsigned i = 0; i < FLOWS; i++)
			before[i] = there[i] ? sa_of(flows[i].out)->sequence : 0;
		pass(600);
		for (unsigned i = 0; i < FLOWS; i++) {
			uint64_t want = there[i] ? 600 / flows[i].spec.dummy_interval : 0, n;

			if (!there[i])
				continue;
			n = sa_of(flows[i].out)->sequence - before[i];
			assert_in_range(n, want - 1, want + 1);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(come_when_due),
		TEST(are_never_cold),
		TEST(are_no_traffic),
		TEST(every_suite),
		TEST(lengths),
		TEST(successor),
		TEST(ends_with_its_lifetime),
		TEST(no_way_out),
		TEST(bounded),
		TEST(coming_and_going),
	};

	return cmocka_run_group_tests_name("dummy", tests, eal_start, eal_stop);
}
