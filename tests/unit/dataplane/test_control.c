// Flows, doubt and the life of SAs through the contract, with workers whose loop the test plays.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "addr.h"
#include "gate.h"

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

// A full event ring, as when the control core is busy elsewhere.
static void fill_events(struct worker *w)
{
	const struct dp_event event = {.kind = DP_EVENT_INVALID_SPI};

	while (worker_event(w, &event))
		;
}

static void drain_events(void)
{
	struct dp_event event;

	while (dp_events(&gate, &event, 1))
		;
}

static void send_one(const struct gate_flow *f)
{
	struct rte_mbuf *m = gate_encrypt(f, 100);

	if (m)
		rte_pktmbuf_free(m);
}

static struct gate_flow flow_without_sa(void)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));

	dp_tunnel_use(&gate, f.tunnel, (struct handle){0});
	gate_turn();
	return f;
}

// ---- held packets ----------------------------------------------------------------------------

static void held_until_used(void **state)
{
	struct gate_flow f = flow_without_sa();
	struct rte_mbuf *pkts[WORKER_BURST];
	struct dp_event event;

	(void)state;
	for (unsigned i = 0; i < TUNNEL_HOLD_FLOW + 3; i++)
		send_one(&f);
	assert_int_equal(gate_counter(DROP_TUNNEL_HOLD_FULL), 3);
	event = gate_event(DP_EVENT_ACQUIRE);
	assert_true(handle_equal(event.tunnel, f.tunnel));
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0); // once
	assert_int_equal(tunnel_released(gate_owner(&f), pkts, WORKER_BURST), 0);
	dp_tunnel_use(&gate, f.tunnel, f.out);
	gate_turn();
	assert_int_equal(tunnel_released(gate_owner(&f), pkts, 3), 3);
	assert_int_equal(tunnel_released(gate_owner(&f), pkts + 3, WORKER_BURST),
	                 TUNNEL_HOLD_FLOW - 3);
	assert_int_equal(tunnel_released(gate_owner(&f), pkts, WORKER_BURST), 0);
	assert_int_equal(esp_out(gate_owner(&f), pkts, TUNNEL_HOLD_FLOW), TUNNEL_HOLD_FLOW);
	rte_pktmbuf_free_bulk(pkts, TUNNEL_HOLD_FLOW);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0);
}

static void refused(void **state)
{
	struct gate_flow f = flow_without_sa();

	(void)state;
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0);
	dp_tunnel_refuse(&gate, f.tunnel);
	gate_turn();
	assert_int_equal(gate_counter(DROP_TUNNEL_REFUSED), 2);
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
}

// An answer may have been lost for want of memory.
static void asks_again(void **state)
{
	struct gate_flow f = flow_without_sa();

	(void)state;
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
	gate_tick(1000 + TUNNEL_ASK_AGAIN - 1);
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0);
	gate_tick(1000 + TUNNEL_ASK_AGAIN);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0); // no packet, no question
	send_one(&f);
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
	dp_tunnel_refuse(&gate, f.tunnel);
	gate_turn();
	send_one(&f);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
}

static void waits_too_long(void **state)
{
	struct gate_flow f = flow_without_sa();

	(void)state;
	send_one(&f);
	gate_tick(1000 + TUNNEL_HOLD_TICKS - 100);
	assert_int_equal(gate_counter(DROP_TUNNEL_TIMEOUT), 0);
	send_one(&f);
	gate_tick(1000 + TUNNEL_HOLD_TICKS + 1);
	assert_int_equal(gate_counter(DROP_TUNNEL_TIMEOUT), 1);
	gate_tick(1000 + 3 * TUNNEL_HOLD_TICKS);
	assert_int_equal(gate_counter(DROP_TUNNEL_TIMEOUT), 2);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
}

static void acquire_finds_no_room(void **state)
{
	struct gate_flow f = flow_without_sa();

	(void)state;
	fill_events(gate_owner(&f));
	send_one(&f);
	drain_events();
	gate_tick(1001);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
	gate_tick(1002);
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0);
}

static void many_flows_share_the_holds(void **state)
{
	struct gate_flow flows[60];

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		flows[i] = flow_without_sa();
	for (unsigned k = 0; k < 10; k++)
		for (unsigned i = 0; i < 60; i++)
			send_one(&flows[i]);
	assert_int_equal(gate_counter(DROP_TUNNEL_HOLD_FULL), 60 * (10 - TUNNEL_HOLD_FLOW));
	for (unsigned i = 0; i < 60; i++)
		dp_tunnel_del(&gate, flows[i].tunnel);
	gate_turn();
	assert_int_equal(gate_counter(DROP_TUNNEL_REFUSED), 60 * TUNNEL_HOLD_FLOW);
	assert_int_equal(gate.workers[0]->esp->tunnels.held, 0);
}

// ---- doubt -----------------------------------------------------------------------------------

static unsigned doubts(void)
{
	return gate_events(DP_EVENT_DOUBT);
}

// Checklist items 9, 16, 17, 19, the dataplane's part.
static void doubt_after_silence(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *m;

	(void)state;
	send_one(&f);
	assert_int_equal(doubts(), 0); // nobody watches
	dp_peer_watch(&gate, 3, 500);
	dp_peer_heard(&gate, 3, 1000);
	gate_tick(1499);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	gate_tick(1500);
	assert_int_equal(doubts(), 0); // no traffic, no doubt
	send_one(&f);
	assert_int_equal(doubts(), 1);
	gate_tick(1600);
	send_one(&f);
	assert_int_equal(doubts(), 0); // one until it is answered
	dp_tunnel_doubt_ack(&gate, f.tunnel);
	dp_tunnel_doubt_ack(&gate, f.tunnel); // twice does no harm
	send_one(&f);
	assert_int_equal(doubts(), 0); // the question is asked once a tick
	gate_tick(1601);
	send_one(&f);
	assert_int_equal(doubts(), 1);
	dp_tunnel_doubt_ack(&gate, f.tunnel);
	dp_peer_heard(&gate, 3, 1600);
	gate_tick(2000);
	m = gate_encrypt(&f, 100);
	assert_true(gate_decrypt(&m)); // ESP from the peer
	rte_pktmbuf_free(m);
	gate_tick(2300);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	gate_tick(2500);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

static void doubt_counts_from_the_sa(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0)); // made at tick 100

	(void)state;
	dp_peer_watch(&gate, 3, 500);
	gate_tick(599);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	gate_tick(600);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

// The SA that a flow goes back to is older than the last sign of life: the making of the other.
static void doubt_after_going_back(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0)); // made at tick 100
	struct handle newer;

	(void)state;
	assert_int_equal(dp_sa_add_out(&gate, &f.spec, f.tunnel, f.in, &newer), 0);
	sa_table_at(gate.sas, newer.index)->doubt_from = 400; // made then
	dp_tunnel_use(&gate, f.tunnel, newer);
	gate_turn();
	dp_tunnel_use(&gate, f.tunnel, f.out);
	gate_turn();
	dp_peer_watch(&gate, 3, 500);
	gate_tick(899);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	gate_tick(900);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

// A worker need not look again before the peer can be in doubt, but it does notice, within a
// second, that the configuration asks sooner.
static void doubt_sooner(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0)); // made at tick 100

	(void)state;
	dp_peer_watch(&gate, 3, 5000);
	gate_tick(600);
	send_one(&f);
	dp_peer_watch(&gate, 3, 400);
	gate_tick(600 + TICKS_PER_SECOND);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

static void no_doubt_without_sa(void **state)
{
	struct gate_flow f = flow_without_sa();

	(void)state;
	dp_peer_watch(&gate, 3, 500);
	gate_tick(5000);
	send_one(&f);
	assert_int_equal(doubts(), 0);
}

static void doubt_finds_no_room(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));

	(void)state;
	dp_peer_watch(&gate, 3, 500);
	gate_tick(5000);
	fill_events(gate_owner(&f));
	send_one(&f);
	drain_events();
	assert_int_equal(doubts(), 0);
	gate_tick(5001);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

static void peer_of_a_flow_changes(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));

	(void)state;
	dp_peer_watch(&gate, 3, 500);
	dp_tunnel_set_peer(&gate, f.tunnel, DP_NO_PEER);
	gate_turn();
	gate_tick(5000);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	dp_tunnel_set_peer(&gate, f.tunnel, 3);
	gate_turn();
	gate_tick(5001);
	send_one(&f);
	assert_int_equal(doubts(), 1);
	gate_tick(5002);
	send_one(&f);
	assert_int_equal(doubts(), 0);
	dp_tunnel_set_peer(&gate, f.tunnel, 4); // its doubt is not the old peer's
	dp_peer_watch(&gate, 4, 500);
	gate_turn();
	gate_tick(5003);
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

// An inbound SA whose slot somebody else has by now does not answer for the outbound one.
static void another_sa_in_the_slot(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0)), g;
	struct rte_mbuf *m;

	(void)state;
	dp_peer_watch(&gate, 3, 500);
	gate_tick(5000);
	dp_sa_del(&gate, &f.in, 1);
	gate_turn();
	drain_events();
	g = gate_flow_make(suite_spec(&gcm, 0));
	assert_int_equal(g.in.index, f.in.index);
	m = gate_encrypt(&g, 100);
	assert_true(gate_decrypt(&m));
	rte_pktmbuf_free(m);
	drain_events();
	send_one(&f);
	assert_int_equal(doubts(), 1);
}

// ---- the life of an SA -----------------------------------------------------------------------

static void reserved_only(void **state)
{
	struct ip_addr a = addr_v4(0xc0000201), b = addr_v4(0xc000020b);
	struct handle first, second;
	uint32_t spi1, spi2;

	(void)state;
	assert_int_equal(dp_sa_reserve(&gate, &a, &b, &first, &spi1), 0);
	assert_true(spi1 & 0x80000000);
	dp_sa_del(&gate, &first, 1);
	assert_true(handle_equal(gate_event(DP_EVENT_SA_GONE).sa, first));
	dp_sa_del(&gate, &first, 1); // stale
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 0);
	assert_int_equal(dp_sa_reserve(&gate, &a, &b, &second, &spi2), 0);
	assert_int_equal(second.index, first.index);
	assert_int_not_equal(spi1, spi2);
	assert_int_not_equal(first.generation, second.generation);
}

static void deleted(void **state)
{
	static const uint8_t zero[sizeof(struct sa_keys)];
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct rte_mbuf *late = gate_encrypt(&f, 100);
	struct handle both[] = {f.in, {0}, f.out};
	struct dp_sa_stats s;
	tick_t when;

	(void)state;
	dp_sa_del(&gate, both, 3);
	dp_sa_del(&gate, both, 3);                          // dying already
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 0); // not before the worker said so
	// One is cold still, and the other has had a packet.
	assert_memory_not_equal(sa_table_at(gate.sas, f.in.index)->raw_key, zero, 16);
	assert_memory_equal(sa_table_at(gate.sas, f.out.index)->raw_key, zero, 16);
	dp_sa_stats(&gate, f.in, &s); // shows none of the key
	assert_int_equal(s.auth_failed | s.bad_selector | s.replayed | s.other_drops, 0);
	assert_memory_equal(sa_table_keys(gate.sas, f.in.index), zero, sizeof(zero));
	assert_memory_not_equal(sa_table_keys(gate.sas, f.out.index), zero, sizeof(zero));
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	assert_memory_equal(sa_table_keys(gate.sas, f.in.index), zero, sizeof(zero));
	assert_memory_equal(sa_table_keys(gate.sas, f.out.index), zero, sizeof(zero));
	assert_memory_equal(sa_table_at(gate.sas, f.in.index)->raw_key, zero, 16);
	assert_memory_equal(sa_table_at(gate.sas, f.out.index)->raw_key, zero, 16);
	assert_false(gate_decrypt(&late));
	assert_int_equal(gate_counter(DROP_ESP_NO_SA), 1);
	send_one(&f); // the flow has no SA now
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);
	assert_false(dp_sa_last_in(&gate, f.in, &when));
	dp_sa_stats(&gate, f.out, &s);
	assert_int_equal(s.packets, 0);
	dp_tunnel_use(&gate, f.tunnel, f.out); // stale: no effect
	gate_turn();
	send_one(&f);
	assert_int_equal(gate_counter(COUNT_ENCRYPTED), 1);
}

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

// Nobody hears of the deletion at first, and nobody orders it again.
static void deleted_without_memory(void **state)
{
	struct gate_flow f[2] = {gate_flow_make(suite_spec(&gcm, 0)),
	                         gate_flow_make(suite_spec(&gcm, 0))};
	struct handle gone[] = {f[0].in, f[1].in, f[0].out, {0}};
	struct ip_addr a = {.family = 4, .bytes = {192, 0, 2, 1}};
	uint32_t spi;

	(void)state;
	assert_int_equal(dp_sa_reserve(&gate, &a, &a, &gone[3], &spi), 0);
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		while (message_send(&gate, i,
		                    &(struct message){.kind = MESSAGE_SA_MTU,
		                                      .sa = f[i].out,
		                                      .word = 1400}) == 0 &&
		       gate.waiting[i].count < 64)
			;
	assert_int_equal(gate.waiting[0].count, gate.waiting[0].room);
	no_memory = true;
	dp_sa_del(&gate, gone, 4);
	assert_int_not_equal(gate.sas->untold, 0);
	dp_sa_del(&gate, gone, 4);
	message_drain(&gate);
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 0);
	no_memory = false;
	gate_turn();
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 4);
	assert_int_equal(gate.sas->untold, 0);
	assert_int_equal(gate.sas->used, 1);
}

// Deleting more SAs than the event ring holds loses none.
static void mass_death(void **state)
{
	struct gate_flow flows[60];
	unsigned gone = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		flows[i] = gate_flow_make(suite_spec(&gcm, 0));
	for (unsigned i = 0; i < 60; i++)
		dp_sa_del(&gate, (struct handle[]){flows[i].in, flows[i].out}, 2);
	gate_turn();
	for (unsigned i = 0; i < 10; i++) {
		gone += gate_events(DP_EVENT_SA_GONE);
		gate_tick(1001 + i);
	}
	assert_int_equal(gone, 120);
}

static void rekeyed(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct sa_spec spec = f.spec, mirror;
	struct rte_mbuf *old = gate_encrypt(&f, 100), *fresh;
	struct handle in, out;

	(void)state;
	assert_int_equal(dp_sa_reserve(&gate, &spec.remote, &spec.local, &in, &spec.spi), 0);
	spec.key[0] ^= 1;
	mirror = suite_mirror(&spec);
	assert_int_equal(dp_sa_add_in(&gate, in, &mirror, f.tunnel), 0);
	assert_int_equal(dp_sa_add_out(&gate, &spec, f.tunnel, in, &out), 0);
	dp_tunnel_use(&gate, f.tunnel, out);
	gate_turn();
	fresh = gate_encrypt(&f, 100);
	assert_true(gate_decrypt(&fresh));
	assert_true(handle_equal(packet_of(fresh)->sa, in));
	assert_true(gate_decrypt(&old)); // what is on its way still arrives
	assert_true(handle_equal(packet_of(old)->sa, f.in));
	rte_pktmbuf_free(fresh);
	rte_pktmbuf_free(old);
	dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
	gate_turn();
	fresh = gate_encrypt(&f, 100); // the old SA's end does not touch the flow
	assert_non_null(fresh);
	rte_pktmbuf_free(fresh);
}

static void last_out(void **state)
{
	struct gate_flow f = flow_without_sa();
	struct handle stale;
	tick_t when;

	(void)state;
	assert_false(dp_tunnel_last_out(&gate, f.tunnel, &when));
	send_one(&f); // held, but it wanted to go out
	assert_true(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(when, 1000);
	stale = f.tunnel;
	dp_tunnel_del(&gate, f.tunnel);
	f = flow_without_sa();
	assert_int_equal(f.tunnel.index, stale.index);
	assert_false(dp_tunnel_last_out(&gate, stale, &when));
	assert_false(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0); // of a flow that is gone
}

// Workers' ticks and the control core's, which goes on as slowly as if it stood still.
static void all_ticks(tick_t now)
{
	gate_tick(now);
	gate.clock.cycles_a_tick = 1ull << 32;
	gate.clock.base = rte_rdtsc() - ((uint64_t)(now - TICKS_PER_SECOND) << 32);
}

// A stamp of long ago is never taken for the later one, the flow's own or its SA's.
static void last_out_of_long_ago(void **state)
{
	const tick_t long_ago = 250u * 24 * 3600 * TICKS_PER_SECOND; // more than half of all ticks
	struct gate_flow f = flow_without_sa();
	tick_t when, now = 1000;

	(void)state;
	all_ticks(now);
	send_one(&f); // held
	dp_tunnel_refuse(&gate, f.tunnel);
	dp_tunnel_use(&gate, f.tunnel, f.out);
	gate_turn();
	all_ticks(now += long_ago);
	send_one(&f);
	assert_true(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(when, now);
	dp_tunnel_use(&gate, f.tunnel, (struct handle){0});
	gate_turn();
	all_ticks(now += long_ago);
	send_one(&f); // held, while the SA that it has left still is there
	assert_true(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(when, now);
	dp_tunnel_refuse(&gate, f.tunnel);
	dp_tunnel_use(&gate, f.tunnel, f.out);
	gate_turn();
	all_ticks(now += long_ago);
	send_one(&f);
	dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
	gate_turn();
	drain_events(); // the flow alone knows it now
	assert_true(dp_tunnel_last_out(&gate, f.tunnel, &when));
	assert_int_equal(when, now);
}

static void stale_flow(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct sa_spec spec = f.spec;
	struct handle out;

	(void)state;
	dp_tunnel_del(&gate, f.tunnel);
	send_one(&f);
	gate_turn();
	send_one(&f);
	assert_int_equal(gate_counter(DROP_TUNNEL_STALE), 2);
	assert_int_equal(dp_sa_add_out(&gate, &spec, f.tunnel, f.in, &out), -EINVAL);
}

// A packet may be led to a flow whose TUNNEL_ADD its owner has not read yet: it waits, keeps its
// place before later ones, and does not outlive the flow.
static void early_packets(void **state)
{
	struct dp_tunnel_spec spec = {.iface = 1, .peer = DP_NO_PEER};
	struct rte_mbuf *pkts[WORKER_BURST], *first;
	struct gate_flow f = {0};
	struct worker *w;

	(void)state;
	assert_int_equal(dp_tunnel_add(&gate, &spec, &f.tunnel), 0);
	w = gate_owner(&f);
	first = gate_packet(100, f.tunnel);
	pkts[0] = first;
	assert_int_equal(esp_out(w, pkts, 1), 0);
	send_one(&f);
	for (unsigned turn = 0; turn < 2; turn++) {
		tunnel_try_early(w);
		assert_int_equal(tunnel_released(w, pkts, WORKER_BURST), 2);
		assert_ptr_equal(pkts[0], first);
		assert_int_equal(w->esp->tunnels.held, 0);
		assert_int_equal(esp_out(w, pkts, 2), 0);
		assert_int_equal(w->esp->tunnels.held, 2);
		// Once a turn: else the worker would try for ever and read no message.
		assert_int_equal(tunnel_released(w, pkts, WORKER_BURST), 0);
	}
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 0);
	gate_turn();
	tunnel_try_early(w);
	assert_int_equal(tunnel_released(w, pkts, WORKER_BURST), 2);
	assert_int_equal(esp_out(w, pkts, 2), 0); // held for their SA now
	assert_int_equal(gate_events(DP_EVENT_ACQUIRE), 1);

	assert_int_equal(dp_tunnel_add(&gate, &spec, &f.tunnel), 0);
	w = gate_owner(&f);
	send_one(&f);
	dp_tunnel_del(&gate, f.tunnel);
	tunnel_try_early(w);
	assert_int_equal(tunnel_released(w, pkts, WORKER_BURST), 1);
	assert_int_equal(esp_out(w, pkts, 1), 0);
	assert_int_equal(gate_counter(DROP_TUNNEL_STALE), 1);
}

// The same in whole turns, which read a message at a time: however far behind the TUNNEL_ADD is,
// turns end.
static void early_for_many_turns(void **state)
{
	struct dp_tunnel_spec spec = {.iface = 1, .peer = DP_NO_PEER};
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0)), late = {0};
	struct worker *w = gate_owner(&f);
	struct rte_mbuf *m;
	unsigned turns = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		dp_tunnel_use(&gate, f.tunnel, f.out);
	do
		assert_int_equal(dp_tunnel_add(&gate, &spec, &late.tunnel), 0);
	while (gate_owner(&late) != w);
	m = gate_packet(100, late.tunnel);
	assert_int_equal(esp_out(w, &m, 1), 0);
	w->message_cycles = 0;
	w->now = dp_now(&gate); // which stands still: no tick's duties are due
	rte_rcu_qsbr_thread_online(gate.rcu, w->index);
	for (; turns < 20 && gate_events(DP_EVENT_ACQUIRE) == 0; turns++)
		worker_turn(w);
	rte_rcu_qsbr_thread_offline(gate.rcu, w->index);
	assert_in_range(turns, 6, 19);
	assert_int_equal(w->esp->tunnels.held, 1); // for its SA
	gate_turn();
}

static void tables_are_full(void **state)
{
	struct dp_tunnel_spec spec = {.iface = 1, .peer = DP_NO_PEER};
	struct ip_addr a = addr_v4(1);
	unsigned n = 0;
	struct handle h;
	uint32_t spi;

	(void)state;
	while (dp_tunnel_add(&gate, &spec, &h) == 0)
		n++;
	assert_int_equal(n, gate.limits.max_tunnels);
	assert_int_equal(dp_tunnel_add(&gate, &spec, &h), -ENOSPC);
	for (n = 0; dp_sa_reserve(&gate, &a, &a, &h, &spi) == 0; n++)
		;
	assert_int_equal(n, gate.limits.max_sas);
	assert_int_equal(dp_sa_reserve(&gate, &a, &a, &h, &spi), -ENOSPC);
}

// ---- policy as stages ------------------------------------------------------------------------

static struct dp_policy_rule rule_for(const struct gate_flow *f, bool permit)
{
	return (struct dp_policy_rule){
		.iface = 1,
		.sequence = 10,
		.line = permit ? 2 : 1,
		.permit = permit,
		.local = f->spec.selector.local,
		.remote = f->spec.selector.remote,
		.local_port_hi = 65535,
		.remote_port_hi = 65535,
		.tunnel = f->tunnel,
	};
}

static void policy_stages(void **state)
{
	struct gate_flow f = gate_flow_make(suite_spec(&gcm, 0));
	struct dp_policy_rule permit = rule_for(&f, true), deny = rule_for(&f, false);
	struct rte_mbuf *m = gate_packet(100, (struct handle){0}), *out = NULL;
	struct worker *w = gate.workers[0];
	struct handle h, h2;
	uint16_t n;
	uint32_t src;

	(void)state;
	assert_int_equal(policy_out(w, &m, 1, &out, &n), 1);
	assert_int_equal(n, 0);
	assert_int_equal(dp_policy_add(&gate, &permit, &h), 0);
	assert_int_equal(policy_out(w, &m, 1, &out, &n), 0);
	assert_int_equal(n, 1);
	assert_ptr_equal(out, m);
	assert_true(handle_equal(packet_of(m)->tunnel, f.tunnel));
	// The mirror: what should have come through the tunnel.
	src = packet_ip(m)->src_addr;
	packet_ip(m)->src_addr = packet_ip(m)->dst_addr;
	packet_ip(m)->dst_addr = src;
	packet_of(m)->in = 1;
	assert_int_equal(policy_in_clear(w, &m, 1), 0);
	assert_int_equal(gate_counter(DROP_POLICY_CLEAR_IN), 1);
	assert_int_equal(dp_policy_add(&gate, &deny, &h2), 0);
	m = gate_packet(100, (struct handle){0});
	assert_int_equal(policy_out(w, &m, 1, &out, &n), 1);
	assert_int_equal(n, 0);
	dp_policy_hold(&gate, 1, true);
	assert_int_equal(policy_out(w, &m, 1, &out, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gate_counter(DROP_POLICY_HELD), 1);
	permit.tunnel.generation += 2;
	assert_int_equal(dp_policy_add(&gate, &permit, &h), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

// From the moment it is given out until its SA has gone, and no other generation of its slot.
static void spis_are_known(void **state)
{
	const struct ip_addr here = addr_v4(0xc0000201), there = addr_v4(0xc6336401);
	struct handle sa;
	uint32_t spi;

	(void)state;
	assert_int_equal(dp_sa_reserve(&gate, &here, &there, &sa, &spi), 0);
	assert_true(dp_spi_is_known(&gate, spi));
	assert_false(dp_spi_is_known(&gate, spi ^ 1)); // the generation
	assert_false(dp_spi_is_known(&gate, spi & 0x7fffffffu));
	for (uint32_t i = 0; i < 100000; i++)
		if (0x80000000u + i * 21473u != spi)
			assert_false(dp_spi_is_known(&gate, 0x80000000u + i * 21473u));
	dp_sa_del(&gate, &sa, 1);
	gate_turn();
	drain_events();
	assert_false(dp_spi_is_known(&gate, spi));
}

// After all generations of a slot the next ones still are no other number of an SA.
static void generations_wrap(void **state)
{
	struct sa_table *t = gate.sas;
	struct handle sa;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(sa_table_take(t, SA_IN, 0, &sa), 0);
		assert_true(sa.generation >> 31);
		sa_table_put(t, sa.index);
		if (i == 1)
			t->slots[sa.index].generation = UINT32_MAX;
	}
	assert_int_equal(sa.generation, 0x80000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(held_until_used),
		TEST(spis_are_known),
		TEST(refused),
		TEST(asks_again),
		TEST(waits_too_long),
		TEST(deleted_without_memory),
		TEST(acquire_finds_no_room),
		TEST(many_flows_share_the_holds),
		TEST(doubt_after_silence),
		TEST(doubt_counts_from_the_sa),
		TEST(doubt_after_going_back),
		TEST(doubt_sooner),
		TEST(no_doubt_without_sa),
		TEST(doubt_finds_no_room),
		TEST(peer_of_a_flow_changes),
		TEST(another_sa_in_the_slot),
		TEST(reserved_only),
		TEST(deleted),
		TEST(mass_death),
		TEST(rekeyed),
		TEST(last_out),
		TEST(last_out_of_long_ago),
		TEST(generations_wrap),
		TEST(stale_flow),
		TEST(early_packets),
		TEST(early_for_many_turns),
		TEST(tables_are_full),
		TEST(policy_stages),
	};

	return cmocka_run_group_tests_name("control", tests, eal_start, eal_stop);
}
