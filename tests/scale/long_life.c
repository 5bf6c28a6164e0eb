// The whole control plane in virtual time: thousands of the farm's peers for days, over the fake
// dataplane and cryptography that protects nothing (null_crypto.c), with random faults from a seed
// that is printed. Peers die, come back, lose everything and ask themselves; messages are lost,
// late, and come twice, in weather that changes. What must hold is checked all the time:
//
//   no peer is declared dead before 5 x retry have passed since the first probe that it was sent
//   after its last sign of life
//   a dead peer is found within interval + 5 x retry of its last sign of life
//   every peer that is up is asked: its timer is armed
//   where no message is lost, no peer loses the newest of its ESP SAs
//   every SA of the dataplane has an owner, every child its SAs, no table has more than it should
//   when all peers are gone at last, nothing is left: no slot, no SA, no timer
//
// The gateway renews both kinds of SA before their lifetimes end; now and then a peer does so at
// the same time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "apply.h"
#include "child.h"
#include "child_spis.h"
#include "control.h"
#include "dh_pool.h"
#include "fake_dp.h"
#include "farm_peer.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "isakmp.h"
#include "load.h"
#include "loop.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "teardown.h"
#include "turn_times.h"

#define S           TICKS_PER_SECOND
#define INTERVAL    10u // seconds: the keepalive of the configuration below
#define RETRY       2u
#define LATE_TICKS  128u  // a message is at most so late
#define LIFE_MEAN   7200u // seconds until a peer dies, on average
#define RESTART_MAX 43200u
#define DEAD_MAX    600u
#define HELLO_EVERY 30u
#define RENEW_EVERY 1800u
#define SETTLED     60u    // seconds without losses, until what was lost before is over
#define WEATHER     600u   // seconds
#define HEAP_A_PEER 20000u // bytes, of all that is in this program

#define FIRST_PEER 0x64400001u
#define GATEWAY    0xc0000201u

// A message that is on its way.
struct parcel {
	struct parcel *next;
	uint32_t peer;
	tick_t sent;
	bool to_gateway, copy;
	uint16_t len;
	uint8_t data[];
};

// What is known of a peer beside what it knows itself.
struct fate {
	tick_t until;   // the next turn in its life
	tick_t heard;   // the gateway has had a message under its keys
	tick_t spoken;  // when that was sent
	tick_t asked;   // the gateway has sent the first probe since then
	tick_t started; // phase 1
	bool found;     // dead, and the gateway knows
};

static struct {
	struct control c;
	struct farm farm;
	struct fate *fates;
	struct parcel *bins[LATE_TICKS];
	uint64_t chance;
	uint32_t n, loss, late; // now: parts in 1000, ticks
	tick_t lossless;        // since when nothing is lost
	bool over;              // nobody comes back
	uint64_t lost, deaths, false_alarms, died, restarted, parcels, checks;
	char last[LOG_LINE_MAX];
} world;

static uint32_t below(uint32_t n)
{
	world.chance ^= world.chance << 13;
	world.chance ^= world.chance >> 7;
	world.chance ^= world.chance << 17;
	return (uint32_t)((world.chance >> 32) * n >> 32);
}

// Jitter in the code under test follows the seed too (the linker's --wrap).
void __wrap_secret_random(void *out, size_t n);
void __wrap_secret_random(void *out, size_t n)
{
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)below(256);
}

static uint32_t now_ms(void)
{
	return fake_now * TICK_MS;
}

static void must(bool holds, const char *what, uint32_t peer)
{
	const struct fate *f = &world.fates[peer];

	if (holds)
		return;
	fprintf(stderr,
	        "tick %u, peer %u: %s\n  state %u dead %u, heard %.2f s ago, asked %.2f s ago, "
	        "started %.2f s ago, "
	        "loss %u in 1000, late %u ticks\n  last log line: %s\n",
	        fake_now, peer, what, world.farm.peers[peer].state, world.farm.peers[peer].dead,
	        tick_diff(fake_now, f->heard) / (double)S,
	        tick_diff(fake_now, f->asked) / (double)S,
	        tick_diff(fake_now, f->started) / (double)S, world.loss, world.late, world.last);
	exit(1);
}

// ---- the network --------------------------------------------------------------------------------

static void post(uint32_t peer, bool to_gateway, bool is_copy, const uint8_t *data, uint16_t len)
{
	struct parcel *p, **bin;

	if (below(1000) < world.loss) {
		world.lost++;
		return;
	}
	p = malloc(sizeof(*p) + len);
	*p = (struct parcel){.peer = peer,
	                     .sent = fake_now,
	                     .to_gateway = to_gateway,
	                     .copy = is_copy,
	                     .len = len};
	memcpy(p->data, data, len);
	bin = &world.bins[(fake_now + 1 + (world.late ? below(world.late) : 0)) % LATE_TICKS];
	p->next = *bin;
	*bin = p;
	world.parcels++;
}

static void farm_sends(struct farm *f, uint32_t peer, const uint8_t *data, uint16_t len)
{
	(void)f;
	post(peer, true, false, data, len);
	if (world.loss && below(200) == 0)
		post(peer, true, true, data, len);
}

// A probe: an informational message at another time than that of an acknowledgement.
static void is_asked(uint32_t peer, const struct fake_datagram *d)
{
	struct fate *f = &world.fates[peer];

	if (d->data[18] == ISAKMP_EXCHANGE_INFO && tick_before(f->heard, fake_now) &&
	    !tick_before(f->heard, f->asked))
		f->asked = fake_now;
}

static void gateway_sends(void)
{
	struct fake_datagram *d;

	while ((d = fake_dp_take(world.c.dp))) {
		uint32_t peer = addr_v4_host(&d->dst) - FIRST_PEER;

		if (peer >= world.n) {
			fprintf(stderr, "a message to nobody\n");
			exit(1);
		}
		is_asked(peer, d);
		post(peer, false, false, d->data, d->len);
		free(d);
	}
}

// Has the gateway the IKE SA of this message, all of it?
static bool is_held(const uint8_t *data)
{
	const struct ike_sa *sa = ike_sa_find(&world.c, data, data + 8);

	return sa && ike_sa_is_established(sa);
}

static void arrive_at_gateway(const struct parcel *p)
{
	struct fate *f = &world.fates[p->peer];
	static struct fake_datagram d;

	d.src = addr_v4(FIRST_PEER + p->peer);
	d.dst = addr_v4(GATEWAY);
	d.src_port = d.dst_port = 500;
	d.len = p->len;
	memcpy(d.data, p->data, p->len);
	fake_dp_deliver(world.c.dp, &d);
	// Under the keys of now, which the gateway has too: what an earlier life has sent proves
	// nothing of this one, nor does a copy, or what a later message has overtaken.
	if (memcmp(p->data, world.farm.peers[p->peer].sa.cookie_i, 8) != 0 || !is_held(p->data) ||
	    p->data[18] != ISAKMP_EXCHANGE_INFO || p->copy || tick_before(p->sent, f->spoken))
		return;
	f->heard = fake_now;
	f->spoken = p->sent;
}

static void arrive(void)
{
	struct parcel *p = world.bins[fake_now % LATE_TICKS];

	world.bins[fake_now % LATE_TICKS] = NULL;
	while (p) {
		struct parcel *next = p->next;

		if (p->to_gateway)
			arrive_at_gateway(p);
		else
			farm_peer_in(&world.farm, p->peer, p->data, p->len, now_ms());
		free(p);
		p = next;
	}
}

// ---- the gateway --------------------------------------------------------------------------------

static void sink(void *arg, enum log_level level, const char *line)
{
	static const char *who;

	(void)arg;
	(void)level;
	snprintf(world.last, sizeof(world.last), "%s", line);
	if (!who)
		who = getenv("VIGIL_PEER") ? getenv("VIGIL_PEER") : "";
	world.c.log.debug_isakmp = world.c.log.debug_ipsec = *who;
	if (*who && strstr(line, who))
		printf("tick %u: %s\n", fake_now, line);
}

static const char text[] = "hostname gw\n"
			   "platform\n"
			   " port FastEthernet0 net_null0\n"
			   "crypto isakmp policy 10\n"
			   " encryption aes\n"
			   " hash sha256\n"
			   " authentication pre-share\n"
			   " group 19\n"
			   " lifetime 3000\n"
			   "crypto isakmp key farm-key address 0.0.0.0 0.0.0.0\n"
			   "crypto isakmp keepalive 10 2 periodic\n"
			   "crypto ipsec security-association lifetime seconds 1200\n"
			   "crypto ipsec transform-set farm esp-gcm\n"
			   "crypto dynamic-map peers 10\n"
			   " set transform-set farm\n"
			   "crypto map farm 65535 ipsec-isakmp dynamic peers\n"
			   "interface FastEthernet0\n"
			   " ip address 192.0.2.1 255.255.255.0\n"
			   " crypto map farm\n";

static void gateway_start(void)
{
	struct control *c = &world.c;
	struct diag_list diags;

	*c = (struct control){.log = {.sink = sink}};
	load_text("long_life", text, strlen(text), &c->config, &diags);
	assert_non_null(c->config);
	diag_fini(&diags);
	c->dp = fake_dp_create();
	c->now = c->heard_until = fake_now;
	c->next_conn_id = 1001;
	assert_int_equal(loop_init(c), 0);
	peer_tables_init(c, world.n);
	c->max_tunnels = FAKE_TUNNELS;
	c->max_sas = FAKE_SAS;
	child_spis_init(c);
	c->flow_of_tunnel = calloc(FAKE_TUNNELS, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(FAKE_SAS, sizeof(*c->child_of_sa));
	c->ports = calloc(1, sizeof(*c->ports));
	snprintf(c->ports[0], sizeof(c->ports[0]), "FastEthernet0");
	c->n_ports = 1;
	c->neighbours = neighbour_create(FAKE_PEERS);
	slab_init(&c->peers, sizeof(struct peer), FAKE_PEERS);
	slab_init(&c->ike_sas, sizeof(struct ike_sa), FAKE_IKE);
	slab_init(&c->children, sizeof(struct child), FAKE_SAS);
	c->dh = dh_pool_create(1, 16);
	assert_non_null(c->dh);
	assert_int_equal(ike1_start(c), 0);
	assert_int_equal(apply_start(c), 0);
}

// Turns of the control core's loop (loop.c), until there is nothing more to do.
static void gateway_turn(void)
{
	const bool timed = turn_times_on();
	bool more;

	do {
		if (timed)
			turn_began();
		more = loop_turn(&world.c);
		if (timed)
			turn_ended();
	} while (more);
	gateway_sends();
}

// DPD has given a peer up (the linker's --wrap).
void __real_teardown_by_dpd(struct control *c, struct peer *p);
void __wrap_teardown_by_dpd(struct control *c, struct peer *p);
void __wrap_teardown_by_dpd(struct control *c, struct peer *p)
{
	uint32_t i = addr_v4_host(&p->remote) - FIRST_PEER;
	struct fate *f = &world.fates[i];

	world.deaths++;
	must(tick_before(f->heard, f->asked), "declared dead, but it was heard", i);
	must(tick_diff(fake_now, f->asked) >= (int32_t)(5 * RETRY * S), "declared dead too early",
	     i);
	world.false_alarms += !world.farm.peers[i].dead;
	f->found = true;
	__real_teardown_by_dpd(c, p);
}

static void on_lost(struct farm *f, uint32_t peer)
{
	(void)f;
	must(world.loss || tick_diff(fake_now, world.lossless) < (int32_t)(SETTLED * S),
	     "a peer has lost its ESP SA", peer);
}

// ---- the peers ----------------------------------------------------------------------------------

static void begin(uint32_t i)
{
	struct fate *f = &world.fates[i];

	farm_peer_start(&world.farm, i, now_ms());
	f->started = fake_now;
	f->found = false;
	f->until = fake_now + S +
	           below(2 * LIFE_MEAN * S < RESTART_MAX * S ? 2 * LIFE_MEAN * S : RESTART_MAX * S);
}

static void peer_second(uint32_t i)
{
	struct farm_peer *p = &world.farm.peers[i];
	struct fate *f = &world.fates[i];

	farm_peer_timeout(&world.farm, i, now_ms());
	if (below(HELLO_EVERY) == 0)
		farm_peer_hello(&world.farm, i, now_ms());
	if (below(RENEW_EVERY) == 0)
		farm_peer_renew(&world.farm, i, now_ms());
	if (p->state == FARM_IDLE && !p->dead && !world.over)
		begin(i);
	if (tick_diff(fake_now, f->until) < 0)
		return;
	if (p->dead || world.over) {
		if (!world.over)
			begin(i); // alive again
	} else if (below(3) == 0) {
		world.restarted++;
		begin(i);
	} else {
		world.died++;
		p->dead = true;
		f->until = fake_now + S * (20 + below(DEAD_MAX));
	}
}

static void weather(void)
{
	static const struct {
		uint32_t loss, late;
	} kinds[] = {{0, 0}, {0, 0}, {10, 5}, {50, 30}, {200, 10}, {5, 100}};
	uint32_t kind = below(sizeof(kinds) / sizeof(kinds[0]));

	if (world.loss)
		world.lossless = fake_now;
	world.loss = world.over ? 0 : kinds[kind].loss;
	world.late = world.over ? 0 : kinds[kind].late;
}

// ---- what must hold -----------------------------------------------------------------------------

static void check_peer(const struct peer *p)
{
	uint32_t i = addr_v4_host(&p->remote) - FIRST_PEER;
	const struct fate *f = &world.fates[i];
	const struct child *ch;
	tick_t life;

	if (p->state == PEER_ENDING)
		must(p->sas_pending, "a dead peer is not buried", i);
	if (p->state != PEER_UP)
		return;
	must(p->dpd.state != DPD_OFF && wheel_is_armed(&p->probe), "a peer is never asked", i);
	if (!peer_last_life(&world.c, p, &life))
		life = p->since;
	life = tick_max(life, p->since);
	if (world.farm.peers[i].dead)
		must(tick_diff(fake_now, tick_max(life, f->heard)) <=
		             (int32_t)((INTERVAL + 5 * RETRY + 1) * S),
		     "a dead peer was not found in time", i);
	for (ch = p->children; ch; ch = ch->next) {
		must(ch->peer == p && ch->flow, "a child is nobody's", i);
		must(child_of(&world.c, ch->in) == ch, "an SA is another child's", i);
		must(ch->state == CHILD_NEGOTIATING || wheel_is_armed(&ch->expire),
		     "a child has no end", i);
	}
	for (const struct ike_sa *sa = p->ike_sas; sa; sa = sa->next)
		must(!ike_sa_is_established(sa) || wheel_is_armed(&sa->expire),
		     "an IKE SA has no end", i);
}

static void check_all(void)
{
	struct control *c = &world.c;

	for (uint32_t i = 0; i < c->peers.made; i++) {
		const struct peer *p = slab_at(&c->peers, i);

		if (p)
			check_peer(p);
	}
	for (uint32_t i = 0; i < FAKE_SAS; i++) {
		struct handle h = {i, c->dp->sas[i].generation};

		must(!c->dp->sas[i].used || child_of(c, h), "an SA without an owner", 0);
	}
	must(c->peers.used <= 2 * world.n && c->children.used <= 4 * world.n &&
	             c->ike_sas.used <= 4 * world.n,
	     "tables grow", 0);
	must(c->dp->errors == 0, "the dataplane was told nonsense", 0);
	world.checks++;
}

static void check_nothing_left(void)
{
	struct control *c = &world.c;

	must(c->peers.used == 0 && c->ike_sas.used == 0 && c->children.used == 0, "slots are left",
	     0);
	must(c->half_open == 0 && !c->oldest_nodes, "IKE SAs are left in lists", 0);
	must(fake_dp_live_sas(c->dp) == 0, "SAs are left", 0);
	apply_stop(c);
	must(fake_dp_is_empty(c->dp), "the dataplane is not empty", 0);
	must(c->wheel.armed == 0, "timers are left", 0);
}

// ---- time ---------------------------------------------------------------------------------------

// The peers' second, spread over its ticks.
static void peers_tick(void)
{
	uint32_t at = fake_now % S;

	for (uint32_t i = at; i < world.n; i += S)
		peer_second(i);
}

static void tick(void)
{
	fake_now++;
	arrive();
	peers_tick();
	gateway_turn();
	if (fake_now % (WEATHER * S) == 0)
		weather();
	if (fake_now % (60 * S) == 0)
		check_all();
}

static void show(const char *phase, uint32_t since)
{
	const struct control_counters *n = &world.c.counters;
	const struct farm_counts *f = &world.farm.counts;

	printf("%-6s %8.2f h  peers %6u  probes %10lu  losses %8lu  deaths %7lu (%lu alive)  died "
	       "%7lu  restarted %6lu  renewed by us %lu IKE, %lu ESP, by peers %lu (%lu had lost "
	       "theirs)  messages lost %lu of %lu\n",
	       phase, (double)(fake_now - since) / S / 3600, world.c.peers.used,
	       (unsigned long)n->probes_sent, (unsigned long)n->losses, (unsigned long)world.deaths,
	       (unsigned long)world.false_alarms, (unsigned long)world.died,
	       (unsigned long)world.restarted, (unsigned long)f->ike_renewed,
	       (unsigned long)f->children_renewed, (unsigned long)f->children_made,
	       (unsigned long)f->children_lost, (unsigned long)world.lost,
	       (unsigned long)(world.lost + world.parcels));
	fflush(stdout);
}

static void run(double hours)
{
	uint32_t begun = fake_now, shown = fake_now;
	uint64_t ticks = (uint64_t)(hours * 3600 * S);

	for (uint64_t i = 0; i < ticks; i++) {
		tick();
		if (i == ticks / 2 || fake_now - shown >= 6 * 3600 * S) {
			show("life", begun);
			shown = fake_now;
		}
	}
	show("life", begun);
	check_all();
	world.over = true;
	weather();
	for (uint32_t i = 0; i < world.n; i++)
		world.farm.peers[i].dead = true;
	for (unsigned i = 0; i < 300 * S; i++)
		tick();
	show("end", begun);
	check_nothing_left();
}

int main(int argc, char **argv)
{
	uint32_t seed = (uint32_t)time(NULL);
	double hours = argc > 2 ? strtod(argv[2], NULL) : 1;
	struct timespec from, to;

	world.n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
	if (argc > 3)
		seed = (uint32_t)strtoul(argv[3], NULL, 10);
	if (argc > 5 || world.n == 0 || world.n > FAKE_PEERS / 2 || !(hours > 0) || hours > 10000) {
		fprintf(stderr,
		        "usage: long_life [PEERS [HOURS [SEED [TIMES]]]]; at most %u peers; TIMES: "
		        "a "
		        "file for the times of turns, see turns.py\n",
		        FAKE_PEERS / 2);
		return 2;
	}
	printf("%u peers for %.2f hours of virtual time, seed %u\n", world.n, hours, seed);
	clock_gettime(CLOCK_MONOTONIC, &from);
	world.chance = seed * 0x9e3779b97f4a7c15u | 1;
	world.fates = calloc(world.n, sizeof(*world.fates));
	fake_now = 0xfffffe00u; // the clock wraps early
	world.lossless = fake_now;
	gateway_start();
	if (argc > 4 && !turn_times_start(argv[4], world.c.dp, world.n * HEAP_A_PEER)) {
		perror(argv[4]);
		return 1;
	}
	world.farm.send = farm_sends;
	world.farm.on_lost = on_lost;
	if (!world.fates || farm_init(&world.farm, world.n, "farm-key"))
		return 1;
	// They come one after the other, in a minute.
	for (uint32_t i = 0; i < world.n; i++) {
		world.farm.peers[i].dead = true;
		world.fates[i].found = true;
		world.fates[i].heard = world.fates[i].asked = world.fates[i].spoken = fake_now;
		world.fates[i].until = fake_now + below(60 * S);
	}
	run(hours);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lu checks of everything; %.1f s of real time\n", (unsigned long)world.checks,
	       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	farm_fini(&world.farm);
	free(world.fates);
	if (turn_times_on() && !turn_times_end()) {
		perror(argv[4]);
		return 1;
	}
	return 0;
}
