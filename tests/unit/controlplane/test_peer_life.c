// The life of peers, flows and children over the fake dataplane and the fake IKE: set-up, failover,
// rekey, death, clear, changes of the configuration. Checklist items are named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "child.h"
#include "control.h"
#include "entry.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "flow.h"
#include "load.h"
#include "neighbour.h"
#include "path_mtu.h"
#include "peer.h"
#include "peer_timers.h"
#include "teardown.h"

#define S TICKS_PER_SECOND

static const char base[] = "hostname gw\n"
			   "platform\n"
			   " port FastEthernet0 net_null0\n"
			   "crypto isakmp policy 1\n"
			   " encryption aes\n"
			   " hash sha256\n"
			   " authentication pre-share\n"
			   " group 14\n"
			   "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
			   "%s\n"
			   "crypto ipsec transform-set ts esp-gcm\n"
			   "crypto map m 1 ipsec-isakmp\n"
			   "%s\n"
			   " set transform-set ts\n"
			   " match address 101\n"
			   "interface FastEthernet0\n"
			   " ip address 192.0.2.1 255.255.255.0\n"
			   " crypto map m\n"
			   "access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n"
			   "%s\n";

struct world {
	struct control c;
	char lines[64][LOG_LINE_MAX];
	unsigned n_lines;
};

static void sink(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;

	(void)level;
	snprintf(w->lines[w->n_lines++ % 64], LOG_LINE_MAX, "%s", line);
}

static bool logged(const struct world *w, const char *text)
{
	for (unsigned i = 0; i < 64 && i < w->n_lines; i++)
		if (strstr(w->lines[i], text))
			return true;
	return false;
}

static struct config *load(const char *keepalive, const char *peers, const char *rest)
{
	struct config *config = NULL;
	struct diag_list diags;
	char text[16384];

	snprintf(text, sizeof(text), base, keepalive, peers, rest);
	load_text("test", text, strlen(text), &config, &diags);
	for (uint32_t i = 0; i < diags.n; i++)
		if (diags.items[i].severity == DIAG_ERROR)
			print_error("%u: %s\n", diags.items[i].line, diags.items[i].message);
	diag_fini(&diags);
	assert_non_null(config);
	return config;
}

static struct world *world_create(const char *keepalive, const char *peers, const char *rest)
{
	struct world *w = calloc(1, sizeof(*w));
	struct control *c = &w->c;

	fake_ike_reset();
	fake_now = 0xffffff00u; // the clock wraps early in each test
	c->log = (struct log){.sink = sink, .arg = w};
	c->config = load(keepalive, peers, rest);
	c->dp = fake_dp_create();
	c->now = fake_now;
	c->heard_until = fake_now;
	c->restarted = fake_now - 1;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	assert_int_equal(apply_start(c), 0);
	return w;
}

static void turn(struct control *c)
{
	struct dp_event events[64];
	unsigned n;

	c->now = c->heard_until = fake_now;
	n = dp_events(c->dp, events, 64);
	for (unsigned i = 0; i < n; i++) {
		struct flow *f = flow_of(c, events[i].tunnel);

		if (events[i].kind == DP_EVENT_ACQUIRE && f)
			flow_acquire(c, f);
		else if (events[i].kind == DP_EVENT_DOUBT && f && f->child)
			on_doubt(c, f->child->peer);
		else if (events[i].kind == DP_EVENT_SA_GONE)
			child_sa_gone(c, events[i].sa);
	}
	fake_ike_run(c);
	wheel_run(&c->wheel, c->now, 1000, c);
	teardown_step(c);
}

static void pass(struct world *w, tick_t ticks)
{
	for (tick_t i = 0; i < ticks; i++) {
		fake_now++;
		turn(&w->c);
	}
}

static bool packet(struct world *w)
{
	return fake_dp_packet(w->c.dp, fake_dp_tunnel(w->c.dp), NULL);
}

// Traffic out once a second for a while.
static void traffic(struct world *w, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		packet(w);
		pass(w, S);
	}
}

static void up(struct world *w)
{
	packet(w);
	pass(w, S);
	assert_true(packet(w));
	assert_int_equal(fake_dp_live_sas(w->c.dp), 2);
}

static bool clear(struct peer *p, void *arg)
{
	teardown_peer(arg, p);
	return true;
}

static struct selector sel(const char *local, uint8_t l, const char *remote, uint8_t r)
{
	struct ip_addr a, b;

	addr_parse(local, &a);
	addr_parse(remote, &b);
	return (struct selector){.local = prefix_make(&a, l), .remote = prefix_make(&b, r)};
}

// Whatever happened: after a teardown nothing is left anywhere.
static void world_destroy(struct world *w)
{
	struct control *c = &w->c;

	c->stopping = true;
	peer_for_each(c, clear, c);
	pass(w, 30 * S);
	assert_int_equal(c->peers.used, 0);
	assert_int_equal(c->ike_sas.used, 0);
	assert_int_equal(c->children.used, 0);
	apply_stop(c);
	assert_true(fake_dp_is_empty(c->dp));
	neighbour_destroy(c);
	assert_int_equal(c->wheel.armed, 0);
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	fake_ike_reset();
	free(w);
}

static void traffic_brings_the_tunnel_up(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11", "");

	(void)state;
	pass(w, 100 * S);
	assert_int_equal(fake_ike.initiated, 0);
	up(w);
	assert_int_equal(fake_ike.initiated, 1);
	assert_true(logged(w, "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is UP"));
	world_destroy(w);
}

// Items 8, 12, 14, 21, 22, 41: periodic, death 5 x retry after the first unanswered probe, SAs
// gone, the next peer at once since there is traffic.
static void death_and_failover(void **state)
{
	struct world *w = world_create("crypto isakmp keepalive 10 periodic",
	                               " set peer 192.0.2.11\n set peer 192.0.2.12\n"
	                               " set peer 192.0.2.13",
	                               "");
	tick_t first;

	(void)state;
	up(w);
	traffic(w, 60);
	assert_int_equal(w->c.counters.losses, 0);
	assert_true(fake_ike.probes >= 5);
	fake_ike_kill("192.0.2.11");
	fake_ike.probes = 0;
	for (unsigned i = 0; i < 30 * S && !w->c.counters.deaths; i++) {
		packet(w);
		pass(w, 1);
	}
	first = fake_ike.probe_times[0];
	assert_int_equal(w->c.counters.deaths, 1);
	assert_int_equal(fake_ike.probes, 5);
	assert_int_equal(fake_now - first, 10 * S);
	assert_true(logged(w, "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN"));
	pass(w, S);
	assert_true(packet(w));
	assert_int_equal(w->c.entries->current, 1);
	// The list cycles: 12 and 13 die, and 11 lives again.
	fake_ike_kill("192.0.2.12");
	fake_ike_kill("192.0.2.13");
	fake_ike_revive("192.0.2.11");
	traffic(w, 120);
	assert_int_equal(w->c.entries->current, 0);
	assert_true(packet(w));
	world_destroy(w);
}

// A peer that carries many flows takes none of them along.
static void death_takes_no_flow_along(void **state)
{
	char lines[8192];
	struct world *w;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		n += (unsigned)snprintf(
			lines + n, sizeof(lines) - n,
			"access-list 101 permit ip 10.3.%u.0 0.0.0.255 10.2.0.0 0.0.255.255\n", i);
	w = world_create("crypto isakmp keepalive 10 periodic",
	                 " set peer 192.0.2.11\n set peer 192.0.2.12", lines);
	for (unsigned i = 0; i < 40; i++) {
		if (i == 10)
			fake_ike_kill("192.0.2.11");
		for (struct flow *f = w->c.entries->flows; f; f = f->next)
			fake_dp_packet(w->c.dp, f->tunnel, NULL);
		pass(w, S);
	}
	assert_int_equal(w->c.counters.deaths, 1);
	for (struct flow *f = w->c.entries->flows; f; f = f->next)
		assert_true(fake_dp_packet(w->c.dp, f->tunnel, NULL));
	assert_int_equal(fake_dp_live_sas(w->c.dp), 2 * 101);
	world_destroy(w);
}

// Without traffic the next peer waits for the next packet.
static void idle_failover_waits(void **state)
{
	struct world *w = world_create("crypto isakmp keepalive 10 periodic",
	                               " set peer 192.0.2.11\n set peer 192.0.2.12", "");

	(void)state;
	up(w);
	pass(w, 15 * S);
	fake_ike_kill("192.0.2.11");
	pass(w, 60 * S);
	assert_int_equal(w->c.counters.deaths, 1);
	assert_int_equal(fake_ike.initiated, 1);
	assert_int_equal(w->c.entries->current, 1);
	assert_false(packet(w));
	pass(w, S);
	assert_true(packet(w));
	assert_int_equal(fake_ike.initiated, 2);
	world_destroy(w);
}

// A peer that proposed a piece of a line takes the entry on when it dies: the line's next packet
// does not ask the dead one for 23 seconds.
static void death_of_a_narrower_tunnel(void **state)
{
	struct world *w = world_create("crypto isakmp keepalive 10 periodic",
	                               " set peer 192.0.2.11\n set peer 192.0.2.12", "");
	struct selector s = sel("10.1.0.0", 24, "10.2.0.0", 16);

	(void)state;
	assert_true(fake_ike_peer_starts(&w->c, "192.0.2.11", &s));
	pass(w, 15 * S);
	fake_ike_kill("192.0.2.11");
	pass(w, 60 * S);
	assert_int_equal(w->c.counters.deaths, 1);
	assert_int_equal(w->c.counters.failovers, 1);
	assert_int_equal(w->c.entries->current, 1);
	up(w);
	world_destroy(w);
}

// Items 6, 9, 16, 17, 18, 19: on-demand asks when traffic goes out and nothing comes in for the
// interval, and not otherwise.
static void on_demand(void **state)
{
	struct world *w = world_create("crypto isakmp keepalive 10 3", " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	pass(w, 600 * S);
	assert_int_equal(fake_ike.probes, 0);
	for (unsigned i = 0; i < 60; i++) { // traffic both ways
		packet(w);
		fake_dp_esp_in(w->c.dp, w->c.entries->flows->child->spi_in);
		pass(w, S);
	}
	assert_int_equal(fake_ike.probes, 0);
	traffic(w, 60); // one way, answered probes
	assert_true(fake_ike.probes >= 4 && fake_ike.probes <= 6);
	assert_int_equal(w->c.counters.losses, 0);
	fake_ike_kill("192.0.2.11");
	fake_ike.probes = 0;
	pass(w, 600 * S); // dead, but nobody has anything to send
	assert_int_equal(fake_ike.probes, 0);
	packet(w);
	pass(w, 16 * S);
	assert_int_equal(fake_ike.probes, 5);
	assert_int_equal(w->c.counters.deaths, 1);
	world_destroy(w);
}

// Item 10: no command, no probe.
static void no_keepalive_no_probe(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	fake_ike_kill("192.0.2.11");
	traffic(w, 100);
	assert_int_equal(fake_ike.probes, 0);
	world_destroy(w);
}

// Item 20: DPD is negotiated by vendor ID; a peer that does not send it is not probed.
static void peer_without_dpd_is_not_probed(void **state)
{
	struct world *w =
		world_create("crypto isakmp keepalive 10 periodic", " set peer 192.0.2.11", "");

	(void)state;
	fake_ike.no_dpd = true;
	up(w);
	fake_ike_kill("192.0.2.11");
	traffic(w, 100);
	assert_int_equal(fake_ike.probes, 0);
	assert_int_equal(w->c.counters.deaths, 0);
	fake_ike_revive("192.0.2.11");
	world_destroy(w);
}

// What the flow's SAs carried, those that have ended included.
static uint64_t carried(const struct world *w)
{
	const struct flow *f = w->c.entries->flows;
	uint64_t n = flow_ended(f).out_packets;
	struct dp_sa_stats s;

	for (const struct child *ch = f->peer->children; ch; ch = ch->next) {
		dp_sa_stats(w->c.dp, ch->out, &s);
		n += s.packets;
	}
	return n;
}

static void rekey_loses_no_packet(void **state)
{
	struct world *w = world_create("crypto ipsec security-association lifetime seconds 120",
	                               " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	for (unsigned i = 0; i < 1000 * S; i++) {
		pass(w, 1);
		assert_true(packet(w));
	}
	assert_int_equal(carried(w), 1000 * S + 1);
	assert_true(fake_ike.quick_modes >= 8);
	assert_true(fake_ike.quick_modes <= 14);
	assert_int_equal(fake_ike.initiated, 1);
	world_destroy(w);
}

static void phase1_is_renewed(void **state)
{
	struct world *w =
		world_create("crypto isakmp keepalive 10 periodic", " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	for (unsigned i = 0; i < 3 * 86400; i++) {
		if (i % 600 == 0)
			assert_true(packet(w) || i == 0);
		pass(w, S);
		assert_non_null(peer_ike_sa(w->c.entries->flows->peer));
	}
	assert_true(fake_ike.initiated >= 3 && fake_ike.initiated <= 5);
	assert_int_equal(w->c.counters.losses, 0);
	world_destroy(w);
}

static void no_answer_goes_to_next_peer(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11\n set peer 192.0.2.12", "");

	(void)state;
	fake_ike_kill("192.0.2.11");
	traffic(w, 30);
	assert_true(packet(w));
	assert_int_equal(w->c.entries->current, 1);
	world_destroy(w);
}

static void all_peers_dead_gives_up(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11\n set peer 192.0.2.12", "");

	(void)state;
	fake_ike_kill("192.0.2.11");
	fake_ike_kill("192.0.2.12");
	packet(w);
	pass(w, 200 * S); // one packet: one attempt, then the next packet asks again
	assert_int_equal(fake_ike.initiated, 1);
	traffic(w, 100);
	assert_true(fake_ike.initiated >= 4 && fake_ike.initiated <= 7);
	fake_ike_revive("192.0.2.12");
	traffic(w, 60);
	assert_true(packet(w));
	world_destroy(w);
}

static void cannot_start_refuses(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11", "");

	(void)state;
	fake_ike.has_no_key = true;
	traffic(w, 10);
	assert_int_equal(w->c.peers.used, 0);
	assert_true(w->c.dp->tunnels[0].refused >= 5);
	world_destroy(w);
}

static void quick_mode_refused(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11\n set peer 192.0.2.12", "");

	(void)state;
	fake_ike.refuses_quick = true;
	traffic(w, 20);
	assert_true(fake_ike.quick_modes < 60);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 0);
	fake_ike.refuses_quick = false;
	traffic(w, 5);
	assert_true(packet(w));
	world_destroy(w);
}

// A peer of the list starts: it becomes the current one. A narrower proposal makes an instance, a
// wider one is refused.
static void responder(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11\n set peer 192.0.2.12", "");
	struct selector equal = sel("10.1.0.0", 16, "10.2.0.0", 16);
	struct selector narrow = sel("10.1.1.0", 24, "10.2.0.0", 16);
	struct selector wide = sel("10.0.0.0", 8, "10.2.0.0", 16);

	(void)state;
	assert_false(fake_ike_peer_starts(&w->c, "192.0.2.12", &wide));
	assert_true(fake_ike_peer_starts(&w->c, "192.0.2.12", &equal));
	assert_int_equal(w->c.entries->current, 1);
	assert_true(packet(w));
	assert_true(fake_ike_peer_starts(&w->c, "192.0.2.12", &narrow));
	assert_non_null(w->c.entries->flows->next);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 4);
	// Another peer takes the whole line over; the narrow flow stays with its own.
	assert_true(fake_ike_peer_starts(&w->c, "192.0.2.11", &equal));
	pass(w, S);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 4);
	assert_int_equal(w->c.entries->current, 0);
	peer_for_each(&w->c, clear, &w->c);
	pass(w, S);
	assert_null(w->c.entries->flows->next);
	assert_false(fake_ike_peer_starts(&w->c, "192.0.2.99", &equal));
	world_destroy(w);
}

// A peer that restarted: what is older than its INITIAL-CONTACT goes.
static void initial_contact(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11", "");
	struct selector s = sel("10.1.0.0", 16, "10.2.0.0", 16);
	struct peer *p;

	(void)state;
	up(w);
	pass(w, 10 * S);
	p = w->c.entries->flows->peer;
	assert_true(fake_ike_peer_starts(&w->c, "192.0.2.11", &s));
	on_initial_contact(&w->c, p->ike_sas);
	pass(w, S);
	// Made in the same tick as the new IKE SA or later stays.
	assert_int_equal(fake_dp_live_sas(w->c.dp), 2);
	assert_null(p->ike_sas->next);
	assert_true(packet(w));
	world_destroy(w);
}

// Item 37: what was cleared comes back with the next packet.
static void clear_and_come_back(void **state)
{
	struct world *w =
		world_create("crypto isakmp keepalive 10 periodic", " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	peer_for_each(&w->c, clear, &w->c);
	assert_int_equal(fake_ike.deletes_child, 1);
	assert_int_equal(fake_ike.deletes_sa, 1);
	pass(w, S);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 0);
	assert_int_equal(w->c.peers.used, 0);
	up(w);
	// In the middle of a negotiation too.
	peer_for_each(&w->c, clear, &w->c);
	pass(w, 2 * S);
	fake_ike_kill("192.0.2.11");
	packet(w);
	pass(w, S);
	peer_for_each(&w->c, clear, &w->c);
	pass(w, 2 * S);
	fake_ike_revive("192.0.2.11");
	up(w);
	world_destroy(w);
}

static void change(struct world *w, struct config *next)
{
	struct diff_list changes;
	struct config *old;

	assert_int_equal(diff_configs(w->c.config, next, &changes), 0);
	old = apply_config(&w->c, next, &changes);
	diff_fini(&changes);
	config_free(old);
	assert_false(w->c.dp->hold[0]);
}

static unsigned rules(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_POLICY; i++)
		n += w->c.dp->policies[i].used;
	return n;
}

static void live_configuration(void **state)
{
	static const char one[] = " set peer 192.0.2.11";
	struct world *w = world_create("", one, "");

	(void)state;
	up(w);
	assert_int_equal(rules(w), 1);
	// Keepalive: SAs made afterwards. The tunnel stays.
	change(w, load("crypto isakmp keepalive 10 periodic", one, ""));
	pass(w, 60 * S);
	assert_int_equal(fake_ike.probes, 0);
	assert_true(packet(w));
	peer_for_each(&w->c, clear, &w->c);
	pass(w, S);
	up(w);
	pass(w, 60 * S);
	assert_true(fake_ike.probes >= 5);
	// A new line and a deny: the old flow keeps its SAs.
	change(w,
	       load("crypto isakmp keepalive 10 periodic", one,
	            "access-list 101 permit tcp 10.3.0.0 0.0.255.255 10.2.0.0 0.0.255.255 eq 80\n"
	            "access-list 101 deny tcp any any neq 80"));
	assert_int_equal(rules(w), 4);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 2);
	assert_true(packet(w));
	// The peer is replaced: its tunnel goes.
	change(w, load("crypto isakmp keepalive 10 periodic", " set peer 192.0.2.12", ""));
	pass(w, S);
	assert_int_equal(rules(w), 1);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 0);
	up(w);
	assert_int_equal(addr_v4_host(&fake_ike.last_probed) & 0xff, 11);
	world_destroy(w);
}

// What a change does not concern is not gone through: neither other entries nor other lines.
static void edits_touch_their_own(void **state)
{
	static const char one[] = " set peer 192.0.2.11";
	static const char second[] = "crypto map m 2 ipsec-isakmp\n set peer 192.0.2.12\n"
				     " set transform-set ts\n match address %s\n"
				     "access-list 102 permit ip 10.5.0.0 0.0.255.255 any\n%s";
	struct world *w = world_create("", one, "");
	struct crypto_entry *first = w->c.entries;
	char rest[512];

	(void)state;
	first->tried = 7; // a walk over all entries starts it again
	snprintf(rest, sizeof(rest), second, "102", "");
	change(w, load("", one, rest));
	assert_ptr_equal(w->c.entries, first);
	assert_non_null(first->next);
	assert_int_equal(rules(w), 2);
	first->next->tried = 8;
	snprintf(rest, sizeof(rest), second, "102",
	         "access-list 102 permit ip 10.6.0.0 0.0.255.255 any\n"
	         "access-list 102 deny tcp any any neq 80");
	change(w, load("", one, rest));
	assert_int_equal(rules(w), 5);
	assert_int_equal(first->next->tried, 8);
	snprintf(rest, sizeof(rest), second, "102",
	         "access-list 102 deny udp any any\naccess-list 102 remark x");
	change(w, load("", one, rest));
	assert_int_equal(rules(w), 3);
	assert_int_equal(first->next->lines.n, 1);
	assert_int_equal(first->next->tried, 8);
	snprintf(rest, sizeof(rest), second, "103", "");
	change(w, load("", one, rest)); // incomplete
	assert_int_equal(rules(w), 1);
	change(w, load("", one, ""));
	assert_null(first->next);
	assert_int_equal(first->tried, 7);
	change(w, load("crypto ipsec security-association lifetime seconds 600", one, ""));
	assert_int_equal(first->tried, 0);
	world_destroy(w);
}

// A change that concerns all entries, an entry at a time: nothing is open in between.
static void walks_in_steps(void **state)
{
	static const char rest[] = "crypto map m 2 ipsec-isakmp\n set peer 192.0.2.12\n"
				   " set transform-set ts\n match address 102\n"
				   "crypto map m 3 ipsec-isakmp\n set peer 192.0.2.13\n"
				   " set transform-set ts\n match address 102\n"
				   "access-list 102 permit ip 10.5.0.0 0.0.255.255 any\n"
				   "crypto ipsec security-association lifetime seconds 600";
	struct world *w = world_create("", " set peer 192.0.2.11", "");
	struct config *next = load("", " set peer 192.0.2.11", rest);
	struct diff_list changes;
	struct config *old;
	unsigned steps = 0;

	(void)state;
	up(w);
	assert_int_equal(diff_configs(w->c.config, next, &changes), 0);
	old = apply_begin(&w->c, next, &changes);
	while (entry_walk_step(&w->c, 1)) {
		assert_true(w->c.dp->hold[0]);
		assert_true(packet(w));
		pass(w, S / 10);
		steps++;
	}
	assert_int_equal(steps, 7); // an entry, a line or a flow each, and one that ended it
	assert_int_equal(rules(w), 3);
	while (apply_step(&w->c))
		pass(w, S / 10);
	config_free(old);
	diff_fini(&changes);
	assert_false(w->c.dp->hold[0]);
	assert_int_equal(fake_dp_live_sas(w->c.dp), 2);
	assert_int_equal(w->c.entries->suites[0].lifetime_seconds, 600);
	world_destroy(w);
}

// A pause of the machine while a probe is out: no loss, whatever the clock says.
static void pause_is_no_death(void **state)
{
	struct world *w =
		world_create("crypto isakmp keepalive 10 periodic", " set peer 192.0.2.11", "");

	(void)state;
	up(w);
	for (unsigned i = 0; i < 20; i++) {
		fake_now += 45 * S;
		w->c.restarted = fake_now;
		turn(&w->c);
		pass(w, 5 * S);
	}
	assert_int_equal(w->c.counters.deaths, 0);
	assert_int_equal(w->c.counters.losses, 0);
	world_destroy(w);
}

static uint32_t path_mtu(struct world *w)
{
	struct fake_sa *sa = NULL;

	assert_true(fake_dp_packet(w->c.dp, fake_dp_tunnel(w->c.dp), &sa));
	return sa->spec.path_mtu;
}

// RFC 4301, 8.2: lowered by who knows the SPI, within bounds, for ten minutes; a successor takes it
// over.
static void path_mtu_is_learned_and_forgotten(void **state)
{
	struct world *w = world_create("", " set peer 192.0.2.11", "");
	struct dp_event ev = {.kind = DP_EVENT_PATH_MTU,
	                      .addr = {.family = 4, .bytes = {192, 0, 2, 11}},
	                      .local = {.family = 4, .bytes = {192, 0, 2, 1}},
	                      .mtu = 1300};
	struct child *ch;

	(void)state;
	up(w);
	ch = w->c.entries->flows->child;
	ev.spi = ch->spi_out + 1;
	path_mtu_heard(&w->c, &ev);
	assert_int_equal(path_mtu(w), 0);
	ev.spi = ch->spi_out;
	ev.port = 4500; // about ESP in UDP, which this is not
	path_mtu_heard(&w->c, &ev);
	ev.port = 0;
	ev.addr.bytes[3] = 12;
	path_mtu_heard(&w->c, &ev);
	ev.addr.bytes[3] = 11;
	ev.mtu = 575;
	path_mtu_heard(&w->c, &ev);
	ev.mtu = 1500;
	path_mtu_heard(&w->c, &ev);
	assert_int_equal(path_mtu(w), 0);
	ev.mtu = 1300;
	path_mtu_heard(&w->c, &ev);
	assert_int_equal(path_mtu(w), 1300);
	ev.mtu = 1400; // never upwards
	path_mtu_heard(&w->c, &ev);
	assert_int_equal(path_mtu(w), 1300);
	pass(w, 300 * S);
	child_rekey(&w->c, ch);
	pass(w, 20 * S);
	assert_true(w->c.entries->flows->child != ch);
	assert_int_equal(path_mtu(w), 1300);
	pass(w, 281 * S); // ten minutes, whoever knows it
	assert_int_equal(path_mtu(w), 0);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_brings_the_tunnel_up),
		cmocka_unit_test(death_and_failover),
		cmocka_unit_test(death_takes_no_flow_along),
		cmocka_unit_test(idle_failover_waits),
		cmocka_unit_test(death_of_a_narrower_tunnel),
		cmocka_unit_test(on_demand),
		cmocka_unit_test(no_keepalive_no_probe),
		cmocka_unit_test(peer_without_dpd_is_not_probed),
		cmocka_unit_test(rekey_loses_no_packet),
		cmocka_unit_test(phase1_is_renewed),
		cmocka_unit_test(no_answer_goes_to_next_peer),
		cmocka_unit_test(all_peers_dead_gives_up),
		cmocka_unit_test(cannot_start_refuses),
		cmocka_unit_test(quick_mode_refused),
		cmocka_unit_test(responder),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(clear_and_come_back),
		cmocka_unit_test(live_configuration),
		cmocka_unit_test(edits_touch_their_own),
		cmocka_unit_test(walks_in_steps),
		cmocka_unit_test(pause_is_no_death),
		cmocka_unit_test(path_mtu_is_learned_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
