// The life of peers under random faults, over the fake dataplane and the fake IKE: hosts that die,
// restart and return, negotiations that fail, Deletes, clears, other configurations, lost input,
// pauses, full tables. After every few ticks everything must fit together, no living peer may have
// been declared dead, and every dead one must be found in time. VIGIL_SEED=n runs that seed alone,
// VIGIL_SECONDS=n for so long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "child.h"
#include "child_spis.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "flow.h"
#include "load.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "random_check.h"
#include "secret.h"
#include "teardown.h"

#define S       TICKS_PER_SECOND
#define ENTRIES 4
#define LINES   3
#define PLANS   64
#define STORY   64
#define LATE    (S / 2) // events of workers

enum phase {
	CHAOS,  // everything
	DEATHS, // hosts come and go, but all input is heard
	CALM,   // every host answers; at the end every flow must be up
	PHASES,
};

static const char *const phase_names[PHASES] = {"chaos", "deaths", "calm"};

// What a configuration is made from.
struct plan {
	unsigned keepalive, lifetime, address;
	struct {
		unsigned peers[3], n_peers;
		bool default_first, deny, lines[LINES];
	} entries[ENTRIES];
};

// A phase 1 that a host began, and what it does when that is up.
struct visit {
	struct handle sa;
	bool contact, quick, wide;
};

struct world {
	struct control c;
	struct check check;
	struct plan plan;
	enum phase phase;
	struct visit visits[PLANS];
	unsigned n_visits;
	unsigned rate; // ticks between two events
	bool limited;  // small tables: not everything can come up
	char lines[STORY][LOG_LINE_MAX];
	unsigned n_lines;
};

static struct world *world;

// ---- chance

static uint64_t chance;

static uint32_t any(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 24);
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

// Jitter in the code under test follows the seed too (the linker's --wrap).
void __wrap_secret_random(void *out, size_t n);
void __wrap_secret_random(void *out, size_t n)
{
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)any();
}

// A line of the story.
static void note(const char *what, const struct ip_addr *host)
{
	snprintf(world->lines[world->n_lines++ % STORY], LOG_LINE_MAX, "%u %s %u", fake_now, what,
	         host ? host->bytes[3] : 0);
}

// ---- the configuration

static const char *const keepalives[] = {
	"",
	"crypto isakmp keepalive 10 periodic",
	"crypto isakmp keepalive 10 3",
	"crypto isakmp keepalive 20 4 periodic",
	"crypto isakmp keepalive 12 2",
};

static const unsigned lifetimes[] = {120, 300, 900};

static unsigned write_entry(const struct plan *plan, unsigned e, char *text, size_t size)
{
	unsigned n = (unsigned)snprintf(text, size, "crypto map m %u ipsec-isakmp\n", e + 1);

	for (unsigned i = 0; i < plan->entries[e].n_peers; i++)
		n += (unsigned)snprintf(text + n, size - n, " set peer 192.0.2.%u%s\n",
		                        11 + plan->entries[e].peers[i],
		                        i == 0 && plan->entries[e].default_first ? " default" : "");
	n += (unsigned)snprintf(text + n, size - n,
	                        " set transform-set ts\n match address %u\nexit\n", 101 + e);
	if (plan->entries[e].deny)
		n += (unsigned)snprintf(text + n, size - n,
		                        "access-list %u deny udp any any neq 53\n", 101 + e);
	for (unsigned k = 0; k < LINES; k++)
		if (plan->entries[e].lines[k])
			n += (unsigned)snprintf(text + n, size - n,
			                        "access-list %u permit ip 10.%u.%u.0 0.0.15.255 "
			                        "10.%u.0.0 0.0.255.255\n",
			                        101 + e, 10 + e, 16 * k, 20 + e);
	return n;
}

static struct config *load(const struct plan *plan)
{
	struct config *config = NULL;
	struct diag_list diags;
	char text[8192];
	unsigned n;

	n = (unsigned)snprintf(text, sizeof(text),
	                       "hostname gw\nplatform\n port FastEthernet0 net_null0\n"
	                       "crypto isakmp policy 1\n encryption aes\n hash sha256\n"
	                       " authentication pre-share\n group 14\n"
	                       "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
	                       "crypto isakmp invalid-spi-recovery\n%s\n"
	                       "crypto ipsec security-association lifetime seconds %u\n"
	                       "crypto ipsec transform-set ts esp-gcm\n",
	                       keepalives[plan->keepalive], lifetimes[plan->lifetime]);
	for (unsigned e = 0; e < ENTRIES; e++)
		if (plan->entries[e].n_peers)
			n += write_entry(plan, e, text + n, sizeof(text) - n);
	n += (unsigned)snprintf(text + n, sizeof(text) - n,
	                        "interface FastEthernet0\n ip address 192.0.2.%u 255.255.255.0\n"
	                        " crypto map m\n",
	                        1 + plan->address);
	load_text("test", text, n, &config, &diags);
	for (uint32_t i = 0; i < diags.n; i++)
		if (diags.items[i].severity == DIAG_ERROR)
			print_error("%u: %s\n", diags.items[i].line, diags.items[i].message);
	diag_fini(&diags);
	assert_non_null(config);
	return config;
}

static void plan_entry(struct plan *plan, unsigned e)
{
	unsigned n = 1 + below(3), first = below(HOSTS);

	plan->entries[e].n_peers = n;
	for (unsigned i = 0; i < n; i++)
		plan->entries[e].peers[i] = (first + i * 3) % HOSTS;
	plan->entries[e].default_first = plan->keepalive && one_in(4);
	plan->entries[e].deny = one_in(3);
	for (unsigned k = 0; k < LINES; k++)
		plan->entries[e].lines[k] = !one_in(3);
	plan->entries[e].lines[below(LINES)] = true;
}

static void change_configuration(struct world *w)
{
	struct plan *plan = &w->plan;
	unsigned e = below(ENTRIES);
	struct diff_list changes;
	struct config *next;

	switch (below(8)) {
	case 0:
		plan->keepalive = below(sizeof(keepalives) / sizeof(keepalives[0]));
		break;
	case 1:
		plan->lifetime = below(3);
		break;
	case 2:
		plan->address ^= one_in(4);
		break;
	case 3:
		plan->entries[e].n_peers = 0;
		break;
	case 4:
		memset(plan->entries[e].lines, 0, sizeof(plan->entries[e].lines));
		break;
	case 5:
		plan->entries[e].lines[below(LINES)] ^= true;
		break;
	default:
		plan_entry(plan, e);
	}
	next = load(plan);
	note("new configuration", NULL);
	assert_int_equal(diff_configs(w->c.config, next, &changes), 0);
	config_free(apply_config(&w->c, next, &changes));
	diff_fini(&changes);
}

// ---- what the fake IKE asks

static struct host *host_of(const struct peer *p)
{
	return check_host(&world->check, &p->remote);
}

static enum fake_verdict judge(struct control *c, const struct ike_sa *sa, enum fake_kind kind)
{
	struct host *h = host_of(sa->peer);

	if (!h || !h->alive || (kind != FAKE_PHASE1 && check_sa_stale(sa, h)))
		return FAKE_SILENT;
	if (world->phase != CHAOS)
		return FAKE_ANSWER;
	if (kind == FAKE_PROBE && one_in(12)) { // its answer is lost on the way in
		c->dp->punt_losses++;
		world->check.disturbed = fake_now;
		return FAKE_REFUSE;
	}
	if (kind == FAKE_PROBE || !one_in(kind == FAKE_PHASE1 ? 12 : 8))
		return FAKE_ANSWER;
	h->fault = fake_now;
	note("refuses", &h->addr);
	return FAKE_REFUSE;
}

static tick_t answer_delay(void)
{
	return 1 + below(one_in(10) ? 90 : 12);
}

static tick_t event_delay(void)
{
	return world->phase != CALM && one_in(3) ? below(LATE) : 0;
}

static int start(struct control *c)
{
	if (world->phase != CHAOS || !one_in(15))
		return 0;
	world->check.fault = c->now;
	return one_in(2) ? -EAGAIN : -ENOENT;
}

static void established(struct control *c, struct ike_sa *sa)
{
	struct host *h = host_of(sa->peer);

	note(sa->initiator ? "phase 1 to" : "phase 1 from", &sa->peer->remote);
	sa->cookie_i[0] = (uint8_t)any();
	check_sa_epoch(sa, h);
	sa->peer_dpd = h != &world->check.hosts[HOSTS - 1]; // one does not know DPD
	if (one_in(4))
		sa->peer->nat_remote = true;
	(void)c;
}

static void died(struct control *c, const struct peer *p)
{
	check_death(&world->check, c, p);
}

// ---- the hosts

static void host_dies(struct host *h)
{
	note("dies", &h->addr);
	h->alive = false;
}

static void host_returns(struct host *h)
{
	if (h->alive)
		return;
	note("returns", &h->addr);
	h->alive = true;
	h->alive_since = fake_now;
}

// A restart loses all SAs.
static void host_restarts(struct host *h)
{
	h->alive = false;
	host_returns(h);
	h->epoch++;
	note("has restarted", &h->addr);
}

static void host_starts(struct world *w, struct host *h, bool contact)
{
	struct ip_addr local = addr_v4(0xc0000201 + w->plan.address);
	struct ike_sa *sa;

	if (!h->alive || w->n_visits == PLANS || !flow_peer_is_listed(&w->c, &local, &h->addr))
		return;
	sa = fake_ike_phase1_from(&w->c, &local, &h->addr);
	if (sa)
		w->visits[w->n_visits++] = (struct visit){.sa = slab_handle(sa),
		                                          .contact = contact,
		                                          .quick = !one_in(3),
		                                          .wide = !one_in(3)};
}

// A permit line of an entry that lists this peer, or a piece of it.
static bool some_selector(const struct world *w, const struct peer *p, bool wide,
                          struct selector *s)
{
	const struct crypto_entry *e;
	const struct flow *f;

	for (e = w->c.entries; e; e = e->next)
		if (flow_entry_lists(e, &p->local, &p->remote))
			for (f = e->flows; f; f = f->next) {
				if (f->instance != FLOW_LINE || one_in(3))
					continue;
				*s = f->selector;
				if (!wide) {
					s->remote.len = 24;
					s->remote.addr.bytes[2] = (uint8_t)below(3);
				}
				return true;
			}
	return false;
}

static void host_quick(struct world *w, struct ike_sa *sa, bool wide)
{
	struct selector s;

	if (some_selector(w, sa->peer, wide, &s))
		fake_ike_quick_from(&w->c, sa, &s);
}

static void run_visits(struct world *w)
{
	for (unsigned i = 0; i < w->n_visits; i++) {
		struct visit v = w->visits[i];
		struct ike_sa *sa = slab_get(&w->c.ike_sas, v.sa);

		if (sa && sa->state < IKE_P1_COMPLETE)
			continue;
		w->visits[i--] = w->visits[--w->n_visits];
		if (!sa || !ike_sa_is_established(sa))
			continue;
		if (v.contact)
			on_initial_contact(&w->c, sa);
		if (v.quick)
			host_quick(w, sa, v.wide);
	}
}

// ---- things that happen

static struct peer *some_peer(struct world *w)
{
	for (unsigned i = 0; i < 20; i++) {
		struct peer *p = slab_at(&w->c.peers, below(32));

		if (p && p->state != PEER_ENDING)
			return p;
	}
	return NULL;
}

static struct child *some_child(struct world *w)
{
	struct peer *p = some_peer(w);
	struct child *ch = p ? p->children : NULL;

	while (ch && ch->next && one_in(2))
		ch = ch->next;
	return ch && ch->state != CHILD_NEGOTIATING ? ch : NULL;
}

static struct ike_sa *some_ike_sa(struct world *w)
{
	struct peer *p = some_peer(w);
	struct ike_sa *sa = p ? p->ike_sas : NULL;

	while (sa && sa->next && one_in(2))
		sa = sa->next;
	return sa;
}

static void lose_input(struct world *w)
{
	w->c.dp->punt_losses++;
	w->check.disturbed = fake_now;
}

static void pause(struct world *w)
{
	fake_now += 60 + below(6000);
	w->c.restarted = fake_now;
	w->check.disturbed = w->check.fault = fake_now;
}

// Its host has it too.
static bool knows(const struct ike_sa *sa)
{
	const struct host *h = host_of(sa->peer);

	return ike_sa_is_established(sa) && h->alive && !check_sa_stale(sa, h);
}

// What a host may do at any time.
static void host_acts(struct world *w)
{
	struct host *h = &w->check.hosts[below(HOSTS)];
	struct ike_sa *sa = some_ike_sa(w);
	struct child *ch = some_child(w);

	switch (below(8)) {
	case 0:
		note("deletes a child", ch ? &ch->peer->remote : NULL);
		if (ch)
			child_delete(&w->c, ch, false, "deleted by the peer");
		break;
	case 1:
		note("deletes its IKE SA", sa ? &sa->peer->remote : NULL);
		if (sa && knows(sa))
			on_ike_ended(&w->c, sa);
		break;
	case 2:
		if (sa && knows(sa))
			on_dpd_hello(&w->c, sa);
		break;
	case 3:
	case 4:
		if (sa && knows(sa))
			host_quick(w, sa, one_in(2));
		break;
	case 5:
		host_restarts(h);
		if (one_in(2))
			host_starts(w, h, true);
		break;
	default:
		host_starts(w, h, one_in(3));
	}
}

static void operator_acts(struct world *w)
{
	struct peer *p = some_peer(w);
	struct ike_sa *sa = some_ike_sa(w);
	struct child *ch = some_child(w);

	switch (below(8)) {
	case 0:
		note("clear", p ? &p->remote : NULL);
		if (p)
			teardown_peer(&w->c, p);
		break;
	case 1:
		if (sa && sa->initiator && sa->state < IKE_P1_COMPLETE) {
			host_of(sa->peer)->fault = fake_now;
			on_ike_failed(&w->c, sa, "cleared");
		}
		break;
	case 2:
		if (ch) {
			p = ch->peer;
			child_delete(&w->c, ch, true, "cleared");
			peer_release(&w->c, p);
		}
		break;
	default:
		change_configuration(w);
	}
}

static void workers_report(struct world *w)
{
	struct child *ch = some_child(w);
	struct ip_addr local = addr_v4(0xc0000201);
	bool hard = w->phase != CALM && one_in(3);

	if (!ch || one_in(5)) {
		on_invalid_spi(&w->c, &local, &w->check.hosts[below(HOSTS)].addr,
		               (uint16_t)(below(2) * 4500), any());
		return;
	}
	if (one_in(3))
		on_peer_moved(&w->c, ch->peer, &ch->peer->remote, (uint16_t)(1024 + below(1000)));
	else
		fake_dp_raise(w->c.dp,
		              (struct dp_event){.kind = hard ? DP_EVENT_SA_HARD : DP_EVENT_SA_SOFT,
		                                .sa = one_in(2) ? ch->in : ch->out});
}

static void something_happens(struct world *w)
{
	struct host *h = &w->check.hosts[below(HOSTS)];
	unsigned what = w->phase == CALM ? 1 : below(w->phase == DEATHS ? 6 : 12);

	if (what == 0)
		check_toggle_stream(&w->check, below(FAKE_TUNNELS / 2));
	else if (what == 1)
		workers_report(w);
	else if (what <= 3 && one_in(3))
		host_dies(h);
	else if (what <= 3)
		host_returns(h);
	else if (what <= 5)
		host_acts(w);
	else if (what <= 7)
		operator_acts(w);
	else if (what == 8)
		lose_input(w);
	else if (what == 9 && one_in(4))
		pause(w);
	else if (what == 10)
		w->c.dp->event_ring_full = !w->c.dp->event_ring_full;
	else
		h->talks = !h->talks;
}

// ---- one tick

static void handle_event(struct control *c, const struct dp_event *ev)
{
	struct flow *f = flow_of(c, ev->tunnel);
	struct child *ch = child_of(c, ev->sa);

	if (ev->kind == DP_EVENT_ACQUIRE && f)
		flow_acquire(c, f);
	else if (ev->kind == DP_EVENT_DOUBT && f && f->child)
		on_doubt(c, f->child->peer);
	else if (ev->kind == DP_EVENT_DOUBT)
		dp_tunnel_doubt_ack(c->dp, ev->tunnel);
	else if (ev->kind == DP_EVENT_SA_GONE)
		child_sa_gone(c, ev->sa);
	else if ((ev->kind == DP_EVENT_SA_SOFT || ev->kind == DP_EVENT_SA_HARD) && ch)
		on_child_volume(c, ch, ev->kind == DP_EVENT_SA_HARD);
}

static void turn(struct world *w)
{
	struct control *c = &w->c;
	struct dp_event events[64];
	unsigned n;

	c->now = c->heard_until = fake_now;
	n = dp_events(c->dp, events, 64);
	for (unsigned i = 0; i < n; i++)
		handle_event(c, &events[i]);
	fake_ike_run(c);
	run_visits(w);
	if (w->phase == CHAOS && one_in(20))
		c->heard_until = fake_now - below(30);
	wheel_run(&c->wheel, c->now, 1000, c);
	teardown_step(c);
}

static bool hosts_answer(struct peer *p, void *arg)
{
	struct host *h = host_of(p);
	struct world *w = arg;

	for (struct child *ch = p->children; h && h->alive && h->talks && ch; ch = ch->next)
		if (ch->spi_out && h->epoch == check_child_epoch(&w->check, ch, h) && one_in(2))
			fake_dp_esp_in(w->c.dp, ch->spi_in);
	return true;
}

static void pass(struct world *w, tick_t ticks)
{
	for (tick_t i = 0; i < ticks; i++) {
		fake_now++;
		if (fake_now % 32 == 0) {
			check_streams(&w->check, &w->c);
			peer_for_each(&w->c, hosts_answer, w);
		}
		w->c.now = fake_now;
		if (w->c.dp->event_ring_full)
			w->check.disturbed = fake_now;
		if (w->phase != PHASES && one_in(w->phase == CALM ? 500 : w->rate))
			something_happens(w);
		turn(w);
		if (w->c.ike_sas.used >= w->c.ike_sas.limit || w->c.peers.used >= w->c.peers.limit)
			w->check.fault = fake_now;
		if (fake_now % 8 == 0)
			check_all(&w->check, &w->c);
	}
}

// ---- the world

static void sink(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;

	(void)level;
	if (strstr(line, "INV_SPI"))
		return;
	snprintf(w->lines[w->n_lines++ % STORY], LOG_LINE_MAX, "%u %s", fake_now, line);
}

static struct world *world_create(unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct control *c = &w->c;

	world = w;
	chance = 0x9e3779b97f4a7c15u * (seed + 1);
	fake_ike_reset();
	fake_ike.judge = judge;
	fake_ike.delay = answer_delay;
	fake_ike.start = start;
	fake_ike.established = established;
	fake_ike.died = died;
	fake_ike.ike_lifetime = one_in(2) ? 400 : 3600;
	fake_now = 0xffffff00u;
	w->limited = seed % 4 == 3;
	w->rate = 20 << seed % 4;
	check_init(&w->check, seed);
	for (unsigned e = 0; e < ENTRIES; e++)
		plan_entry(&w->plan, e);
	w->plan.keepalive = below(sizeof(keepalives) / sizeof(keepalives[0]));
	c->log = (struct log){.sink = sink, .arg = w};
	c->config = load(&w->plan);
	c->dp = fake_dp_create();
	c->dp->event_delay = event_delay;
	c->dp->max_sas = w->limited ? 24 : 0;
	c->now = c->heard_until = fake_now;
	c->restarted = fake_now - 1;
	wheel_init(&c->wheel, fake_now);
	c->wheel.peek = peer_timers_peek;
	peer_tables_init(c, 16);
	c->max_tunnels = FAKE_TUNNELS;
	c->max_sas = FAKE_SAS;
	child_spis_init(c);
	c->flow_of_tunnel = calloc(FAKE_TUNNELS, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(FAKE_SAS, sizeof(*c->child_of_sa));
	c->ports = calloc(1, sizeof(*c->ports));
	snprintf(c->ports[0], sizeof(c->ports[0]), "FastEthernet0");
	c->n_ports = 1;
	c->neighbours = neighbour_create(FAKE_PEERS);
	slab_init(&c->peers, sizeof(struct peer), w->limited ? 4 : FAKE_PEERS);
	slab_init(&c->ike_sas, sizeof(struct ike_sa), w->limited ? 6 : FAKE_IKE);
	slab_init(&c->children, sizeof(struct child), w->limited ? 20 : FAKE_SAS);
	assert_int_equal(apply_start(c), 0);
	return w;
}

static bool clear(struct peer *p, void *arg)
{
	teardown_peer(arg, p);
	return true;
}

static void world_destroy(struct world *w)
{
	struct control *c = &w->c;

	w->phase = PHASES;
	c->stopping = true;
	c->dp->event_ring_full = false;
	peer_for_each(c, clear, c);
	pass(w, 60 * S);
	assert_int_equal(c->peers.used, 0);
	assert_int_equal(c->ike_sas.used, 0);
	assert_int_equal(c->children.used, 0);
	assert_int_equal(c->half_open, 0);
	check_only_lines(&w->check, c);
	apply_stop(c);
	check_nothing_left(&w->check, c);
	neighbour_destroy(c);
	assert_int_equal(c->wheel.armed, 0);
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	fake_ike_reset();
	free(w);
}

// Every host is there, everybody talks, nothing is lost. A host that has restarted says so.
static void calm_down(struct world *w)
{
	w->phase = CALM;
	w->c.dp->event_ring_full = false;
	check_all_talk(&w->check);
	for (unsigned i = 0; i < HOSTS; i++) {
		host_returns(&w->check.hosts[i]);
		if (w->check.hosts[i].epoch)
			host_starts(w, &w->check.hosts[i], true);
	}
}

static void live(unsigned seed, unsigned seconds)
{
	struct world *w = world_create(seed);
	tick_t begin = fake_now;

	while (tick_diff(fake_now, begin) < (int32_t)(seconds * S)) {
		w->phase = CHAOS;
		pass(w, (60 + below(120)) * S);
		w->c.dp->event_ring_full = false;
		w->phase = DEATHS;
		w->check.disturbed = fake_now;
		pass(w, (60 + below(120)) * S);
		calm_down(w);
		pass(w, 150 * S);
		if (!w->limited)
			check_all_up(&w->check, &w->c);
	}
	print_message("# seed %u: %llu deaths, %llu losses, %llu deferred, %u phase 1, %u quick\n",
	              seed, (unsigned long long)w->c.counters.deaths,
	              (unsigned long long)w->c.counters.losses,
	              (unsigned long long)w->c.counters.verdicts_deferred, fake_ike.initiated,
	              fake_ike.quick_modes);
	world_destroy(w);
}

void check_story(void)
{
	print_error("seed %u, tick %u, phase %s\n", world->check.seed, fake_now,
	            world->phase < PHASES ? phase_names[world->phase] : "end");
	for (unsigned i = 0; i < STORY && i < world->n_lines; i++)
		print_error("  %s\n", world->lines[(world->n_lines + i) % STORY]);
}

static void random_life(void **state)
{
	const char *seed = getenv("VIGIL_SEED"), *seconds = getenv("VIGIL_SECONDS");
	unsigned length = seconds ? (unsigned)atoi(seconds) : 700;

	(void)state;
	if (seed) {
		live((unsigned)atoi(seed), length);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		live(i, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
