// The peer farm: N IKEv1 peers on one core, over a memif port, against a running gateway. They set
// up, answer DPD and pings for a while, then some of them die at once; the farm says how the
// gateway kept time. Run by `run scale`; see --help.
#include <netinet/in.h>
#include <rte_ip.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "farm_faults.h"
#include "farm_net.h"
#include "farm_options.h"
#include "farm_peer.h"
#include "farm_report.h"
#include "farm_traffic.h"

#define IKE_PORT       500
#define NAT_T_PORT     4500
#define MARKER         4           // bytes of zero in front of IKE there (RFC 3948, 2.2)
#define FARM_STRANGERS 0x647f0000u // 100.127.0.0, behind all peers
#define SWEEP_MS       10u
#define IDLE_US        50
#define LINK_MS        30000u
#define SETTLE_MS      500u
#define GRACE_MS       20000u // after the schedule, before what is missing counts as not found
#define RETRIES        5u
#define ANSWER_MS      1000u  // for the last pings
#define TOLD_MS        10000u // for the last answers to questions
#define BYE_MS         3000u  // after it, nothing is under way
#define PINGS_A_LOSS   1000u  // to peers that live, for each that may be lost
#define TURN_PACKETS   16384u // of an overload; a farm that is behind does not catch up

static volatile sig_atomic_t stopped;
static struct farm_run r = {.options = {.psk = "farm-key",
                                        .peers = 1000,
                                        .rate = 2000,
                                        .window = 256,
                                        .setup_s = 600,
                                        .run_s = 30,
                                        .kill = 10,
                                        .interval_s = 10,
                                        .retry_s = 2,
                                        .faults = {.seed = 1}}};
static uint8_t first_message[512]; // of a peer, for strangers
static uint16_t first_len;

static uint32_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

// ---- between farm and network ------------------------------------------------------------------

static void on_send(struct farm *f, uint32_t peer, const uint8_t *data, uint16_t len)
{
	struct farm_datagram d = {.src = FARM_PEERS + 1 + peer,
	                          .dst = FARM_GATEWAY,
	                          .src_port = IKE_PORT,
	                          .dst_port = IKE_PORT,
	                          .data = data,
	                          .len = len};
	uint8_t marked[MARKER + FARM_MESSAGE_MAX] = {0};

	if (f->peers[peer].floated) {
		memcpy(marked + MARKER, data, len);
		d.src_port = d.dst_port = NAT_T_PORT;
		d.data = marked;
		d.len = (uint16_t)(MARKER + len);
	}
	if (!first_len && len <= sizeof(first_message)) {
		memcpy(first_message, data, len);
		first_len = len;
	}
	farm_faults_send(&r.options.faults, &r.net, &d, now_ms());
}

// Strangers that begin and say no more: a cookie and an address of their own each.
static void flood(uint32_t now)
{
	static uint32_t begun;

	if (!r.options.flood || !first_len)
		return;
	begun = begun ? begun : now;
	while (r.strangers < (uint64_t)(now - begun) * r.options.flood / 1000) {
		const struct farm_datagram d = {.src = FARM_STRANGERS +
		                                       farm_faults_random(&r.options.faults, 65536),
		                                .dst = FARM_GATEWAY,
		                                .src_port = IKE_PORT,
		                                .dst_port = IKE_PORT,
		                                .data = first_message,
		                                .len = first_len};
		uint32_t cookie[2] = {farm_faults_random(&r.options.faults, UINT32_MAX),
		                      farm_faults_random(&r.options.faults, UINT32_MAX)};

		memcpy(first_message, cookie, sizeof(cookie));
		farm_net_send(&r.net, &d);
		r.strangers++;
	}
}

// On port 4500: IKE behind a marker, or ESP; a keepalive is neither.
static void on_nat_t(uint32_t peer, const struct farm_datagram *d)
{
	static const uint8_t marker[MARKER];

	if (d->len <= MARKER)
		return;
	if (memcmp(d->data, marker, MARKER) == 0)
		farm_peer_in(&r.farm, peer, d->data + MARKER, (uint16_t)(d->len - MARKER),
		             now_ms());
	else if (r.traffic.n)
		farm_traffic_esp(&r.traffic, peer, d->data, d->len, now_ms());
}

static void on_packet(void *arg, const uint8_t *packet, uint16_t len)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)packet;
	uint32_t peer = rte_be_to_cpu_32(ip->dst_addr) - FARM_PEERS - 1;
	struct farm_datagram d;

	(void)arg;
	if (peer >= r.farm.n || ip->src_addr != rte_cpu_to_be_32(FARM_GATEWAY))
		return;
	if (ip->next_proto_id == IPPROTO_ESP && r.traffic.n)
		farm_traffic_esp(&r.traffic, peer, packet + sizeof(*ip),
		                 (uint16_t)(len - sizeof(*ip)), now_ms());
	else if (!farm_net_datagram(packet, len, &d))
		return;
	else if (d.dst_port == IKE_PORT)
		farm_peer_in(&r.farm, peer, d.data, d.len, now_ms());
	else if (d.dst_port == NAT_T_PORT)
		on_nat_t(peer, &d);
}

// A probe is on time if it comes one interval after the last exchange of DPD: `ms`.
static void on_hello(struct farm *f, uint32_t peer, uint32_t ms)
{
	uint32_t wanted = r.options.interval_s * 1000;

	(void)f;
	(void)peer;
	if (!ms || r.options.on_demand)
		return;
	ms = ms > wanted ? ms - wanted : wanted - ms;
	histogram_add(&r.late, ms);
	if (r.is_steady)
		histogram_add(&r.late_steady, ms);
}

static void on_delete(struct farm *f, uint32_t peer, uint32_t now)
{
	struct farm_peer *p = &f->peers[peer];

	if (p->dead)
		histogram_add(&r.found, now - p->life_ms);
}

static void turn(void)
{
	unsigned n = 0, got;

	do {
		got = farm_net_poll(&r.net, on_packet, NULL);
		n += got;
	} while (got == FARM_BURST && n < 8 * FARM_BURST);
	if (r.options.lan)
		n += farm_traffic_turn(&r.traffic, now_ms());
	farm_faults_turn(&r.options.faults, &r.net, now_ms());
	farm_net_flush(&r.net);
	if (!n)
		usleep(IDLE_US);
}

// ---- phases -------------------------------------------------------------------------------------

static bool connected(void)
{
	return r.net.known && (!r.options.lan || r.traffic.lan.known);
}

static bool connect_gateway(void)
{
	uint32_t end = now_ms() + LINK_MS, asked = 0;

	while (!connected() && !stopped) {
		uint32_t now = now_ms();

		if ((int32_t)(now - end) > 0)
			return false;
		if (now - asked > 200) {
			farm_net_ask(&r.net);
			if (r.options.lan)
				farm_net_ask(&r.traffic.lan);
			asked = now;
		}
		turn();
	}
	// The gateway has heard of its link within a fifth of a second; until then it has no
	// routes.
	for (end = now_ms() + SETTLE_MS; !stopped && (int32_t)(now_ms() - end) < 0;)
		turn();
	return connected();
}

static void show_renewals(const struct farm_counts *before, uint32_t ms)
{
	const struct farm_counts *c = &r.farm.counts;
	uint64_t n = c->ike_renewed + c->children_renewed - before->ike_renewed -
	             before->children_renewed;

	n = n * 1000 / ms;
	if (n > r.most_renewals)
		r.most_renewals = (uint32_t)n;
	if (c->ike_renewed + c->children_renewed)
		printf("  renewals %6lu/s", (unsigned long)n);
}

static void show(const char *phase, uint32_t since)
{
	static struct farm_counts before;
	static uint64_t answers;
	static uint32_t then;
	uint32_t now = now_ms(), ms = now - then;
	const struct farm_counts *c = &r.farm.counts;

	if (ms < 1000)
		return;
	if (then) {
		printf("%-8s %4u s  up %8lu  set-ups %7lu/s  probes %7lu/s", phase,
		       (now - since) / 1000,
		       (unsigned long)(c->up - c->deletes - c->restarted - c->byes),
		       (unsigned long)((c->up - before.up) * 1000 / ms),
		       (unsigned long)((c->hellos - before.hellos) * 1000 / ms));
		if (r.traffic.n)
			printf("  pings %7lu/s",
			       (unsigned long)((r.traffic.answers - answers) * 1000 / ms));
		show_renewals(&before, ms);
		printf("  retransmitted %6lu  deletes %6lu (false %lu)  bad %lu\n",
		       (unsigned long)c->retransmitted, (unsigned long)c->deletes,
		       (unsigned long)c->false_deaths, (unsigned long)c->bad);
	}
	fflush(stdout);
	before = *c;
	answers = r.traffic.answers;
	then = now;
}

// Repeats what had no answer: every peer is looked at once a second.
static void sweep(uint32_t now)
{
	static uint32_t at, when;
	uint32_t n = r.farm.n / (1000 / SWEEP_MS) + 1;

	if (now - when < SWEEP_MS)
		return;
	when = now;
	while (n--) {
		farm_peer_timeout(&r.farm, at, now);
		at = (at + 1) % r.farm.n;
	}
}

// The i-th of n peers that are spread over all: 0, 10, 20 ... of 10 %.
static uint32_t part_of(uint32_t i, uint32_t n)
{
	return (uint32_t)((uint64_t)i * r.farm.n / n);
}

// Starts peers at the rate, as long as not too many are being set up.
static uint32_t set_up(void)
{
	uint32_t begun = now_ms(), now = begun, next = 0, again = 0;

	while (!stopped && r.farm.counts.up < r.farm.n && now - begun < r.options.setup_s * 1000) {
		uint64_t allowed = (uint64_t)(now - begun) * r.options.rate / 1000 + 1;

		while (next < r.farm.n && next < allowed &&
		       r.farm.counts.started - r.farm.counts.up - r.farm.counts.failed <
		               r.options.window)
			farm_peer_start(&r.farm, next++, now);
		// Who gave up begins afresh.
		for (unsigned i = 0; next == r.farm.n && i < 64;
		     i++, again = (again + 1) % r.farm.n)
			if (r.farm.peers[again].state == FARM_IDLE)
				farm_peer_start(&r.farm, again, now);
		turn();
		now = now_ms();
		sweep(now);
		show("set-up", begun);
	}
	return now - begun;
}

// A share of the peers, spread over all, begins afresh, at the rate and within the window: peers
// that live have lost everything, dead ones live again. Returns how long it took, in ms.
static uint32_t begin_afresh(const char *phase, uint32_t percent)
{
	uint32_t n = (uint32_t)((uint64_t)r.farm.n * percent / 100), next = 0, again = 0;
	uint32_t begun = now_ms(), now = begun;
	uint64_t before = r.farm.counts.up;

	while (!stopped && r.farm.counts.up - before < n &&
	       now - begun < r.options.setup_s * 1000) {
		uint64_t allowed = (uint64_t)(now - begun) * r.options.rate / 1000 + 1;

		while (next < n && next < allowed &&
		       r.farm.counts.started - r.farm.counts.up - r.farm.counts.failed <
		               r.options.window)
			farm_peer_start(&r.farm, part_of(next++, n), now);
		for (unsigned i = 0; next == n && i < 64; i++, again = (again + 1) % n)
			if (r.farm.peers[part_of(again, n)].state == FARM_IDLE)
				farm_peer_start(&r.farm, part_of(again, n), now);
		turn();
		now = now_ms();
		sweep(now);
		show(phase, begun);
	}
	return now - begun;
}

// How many of so many a second are due; *done are not any more.
static uint32_t due(uint32_t ms, uint32_t a_second, uint64_t *done, uint32_t most)
{
	uint64_t wanted = (uint64_t)ms * a_second / 1000;
	uint32_t n = (uint32_t)(wanted > *done + most ? most : wanted - *done);

	*done = wanted;
	return n;
}

// Packets through the tunnels, since `ms`, the age of the phase.
struct paced {
	uint64_t pings, overload, garbage;
};

static void traffic(uint32_t ms, struct paced *done)
{
	const struct farm_options *o = &r.options;
	uint32_t n;

	if (!o->lan)
		return;
	for (n = due(ms, o->pings ? o->pings : r.traffic.n, &done->pings, 10000); n; n--)
		farm_traffic_ping(&r.traffic, now_ms());
	for (n = due(ms, o->overload, &done->overload, TURN_PACKETS); n; n--)
		farm_traffic_overload(&r.traffic);
	for (n = due(ms, o->garbage, &done->garbage, TURN_PACKETS); n; n--)
		farm_traffic_garbage(&r.traffic);
}

static void steady(const char *phase, uint32_t ms, bool (*done)(void))
{
	uint32_t begun = now_ms(), now = begun, asked = 0;
	struct paced paced = {0};

	while (!stopped && now - begun < ms && !(done && done())) {
		if (r.options.hellos) // every peer once in an interval
			for (; asked <
			       (uint64_t)(now - begun) * r.farm.n / (r.options.interval_s * 1000);
			     asked++)
				farm_peer_hello(&r.farm, asked % r.farm.n, now);
		flood(now);
		traffic(now - begun, &paced);
		turn();
		now = now_ms();
		sweep(now);
		show(phase, begun);
	}
}

// A share of the peers deletes its SAs, all at once: the gateway has nothing more to say to them.
// Then they come back.
static void say_goodbye(void)
{
	uint32_t n = (uint32_t)((uint64_t)r.farm.n * r.options.bye / 100);
	uint64_t before;

	for (uint32_t i = 0; i < n; i++) {
		farm_peer_bye(&r.farm, part_of(i, n));
		if (i % FARM_BURST == 0)
			turn();
	}
	steady("bye", BYE_MS, NULL);
	before = r.farm.counts.after_bye; // what was under way
	steady("bye", r.options.interval_s * 1000, NULL);
	r.took.after_bye = r.farm.counts.after_bye - before;
	r.took.bye_ms = begin_afresh("back", r.options.bye);
}

static bool all_found(void)
{
	return r.found.n >= r.expected;
}

static void kill_some(void)
{
	uint32_t n = (uint32_t)((uint64_t)r.farm.n * r.options.kill / 100), now = now_ms();

	for (uint32_t i = 0; i < n; i++) {
		struct farm_peer *p = &r.farm.peers[part_of(i, n)];

		p->dead = true;
		r.expected += !r.options.on_demand || p->esp;
		if (!p->life_ms)
			p->life_ms = now;
	}
}

// Every question has its answer, as far as nobody has died over it.
static bool all_told(void)
{
	return !r.options.hellos || r.options.kill ||
	       r.farm.counts.acks >= r.farm.counts.hellos_sent;
}

// The last answers; nothing is sent that wants one.
static void settle(void)
{
	uint32_t begun = now_ms();

	while (!stopped && ((r.traffic.n && now_ms() - begun < ANSWER_MS) ||
	                    (!all_told() && now_ms() - begun < TOLD_MS)))
		turn();
}

// Nobody is left without an SA who should have one.
static bool all_back(void)
{
	uint32_t up = 0, dead = 0;

	for (uint32_t i = 0; i < r.farm.n; i++) {
		dead += r.farm.peers[i].dead;
		up += r.farm.peers[i].state == FARM_UP && !r.farm.peers[i].dead;
	}
	return up + dead == r.farm.n;
}

static void use(struct gateway_use *now)
{
	if (r.options.gateway && !gateway_use_read((int)r.options.gateway, now)) {
		fprintf(stderr, "farm: no process %u\n", r.options.gateway);
		r.options.gateway = 0;
	}
}

// Did n peers in so many ms come up no faster than the gateway may admit them? It may make up for a
// tenth of a second, and our clock has slack, too.
static bool at_rate(const char *phase, uint64_t n, uint32_t ms)
{
	uint32_t rate = r.options.admit;

	if (!rate || n <= (uint64_t)rate * (ms + 300) / 1000 + 2)
		return true;
	fprintf(stderr, "farm: %s: %lu peers came up in %u ms, %u a second are admitted\n", phase,
	        (unsigned long)n, ms, rate);
	return false;
}

static bool all_at_rate(const struct farm_took *took)
{
	const struct farm_options *o = &r.options;
	uint64_t n = r.farm.n;
	bool good = at_rate("set-up", took->setups, took->setup_ms);

	good &= at_rate("restart", n * o->restart / 100, took->restart_ms);
	return good & at_rate("return", o->comeback ? n * o->kill / 100 : 0, took->return_ms);
}

// Pings come through, but for one in a thousand of those to peers that live, as the machine may
// stand still for longer than the last answers are waited for; unless packets are lost on purpose.
static bool pings_came(void)
{
	const struct farm_traffic *t = &r.traffic;
	uint64_t lost = r.took.pings_lost;

	if (!r.options.lan || r.options.faults.loss > 0 || r.options.overload)
		return true;
	if (t->answers && lost * PINGS_A_LOSS <= t->pings)
		return true;
	fprintf(stderr, "farm: of %lu pings %lu were answered; peers that live lost %lu\n",
	        (unsigned long)t->pings, (unsigned long)t->answers, (unsigned long)lost);
	return false;
}

static bool live(void)
{
	struct farm_took *took = &r.took;
	const struct farm_options *o = &r.options;
	bool good;

	use(&took->before);
	took->setup_ms = set_up();
	took->setups = r.farm.counts.up;
	use(&took->up);
	took->exchanges = r.farm.counts.hellos;
	good = r.farm.counts.up >= r.farm.n;
	r.is_steady = true;
	steady("steady", o->run_s * 1000, NULL);
	r.is_steady = false;
	took->exchanges = r.farm.counts.hellos - took->exchanges;
	use(&took->steady);
	if (o->restart)
		took->restart_ms = begin_afresh("restart", o->restart);
	if (o->bye)
		say_goodbye();
	kill_some();
	if (o->kill)
		steady("death", (o->interval_s + RETRIES * o->retry_s) * 1000 + GRACE_MS,
		       all_found);
	settle();
	took->pings_lost = r.traffic.n ? farm_traffic_lost(&r.traffic) : 0;
	good &= all_found();
	if (o->comeback && o->kill)
		took->return_ms = begin_afresh("return", o->kill);
	return good && all_back() && all_at_rate(took) && pings_came() &&
	       r.farm.counts.false_deaths == 0 && r.traffic.bad == 0 && took->after_bye == 0 &&
	       (r.farm.counts.children_lost == 0 || o->faults.loss > 0);
}

static int run(void)
{
	bool good;

	if (!connect_gateway()) {
		fprintf(stderr, "farm: the gateway does not answer\n");
		return 1;
	}
	good = live();
	farm_report(stdout, &r);
	if (r.options.json) {
		FILE *file = fopen(r.options.json, "w");

		if (!file || (farm_report(file, &r), fclose(file)) == EOF) {
			perror(r.options.json);
			return 1;
		}
	}
	return good ? 0 : 1;
}

static int start(void)
{
	const struct farm_options *o = &r.options;
	char wan[256], lan[256];
	const char *devices[] = {o->device ? o->device : wan, lan};
	const char *memif = "net_memif%u,role=client,socket-abstract=no,socket=%s,rsize=13";
	int rc;

	snprintf(wan, sizeof(wan), memif, 0, o->socket ? o->socket : "");
	snprintf(lan, sizeof(lan), memif, 1, o->lan ? o->lan : "");
	rc = farm_net_eal(devices, o->lan ? 2 : 1);
	if (rc == 0)
		rc = farm_net_start(&r.net, 0, FARM_ROUTER, FARM_GATEWAY);
	if (rc == 0)
		rc = farm_init(&r.farm, o->peers, o->psk);
	r.farm.gateway = addr_v4(FARM_GATEWAY);
	r.farm.nat = o->nat;
	if (o->des) {
		r.farm.ike.cipher = IKE_CIPHER_3DES;
		r.farm.ike.key_bits = 0;
	}
	if (rc == 0 && o->traffic > 0)
		rc = farm_traffic_init(&r.traffic, &r.farm, &r.net, o->traffic);
	if (rc == 0 && o->lan)
		rc = farm_net_start(&r.traffic.lan, 1, FARM_LAN_HOST, FARM_LAN_GW);
	return rc;
}

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

int main(int argc, char **argv)
{
	int status;

	if (!farm_options_read(&r.options, argc, argv)) {
		farm_usage(stderr);
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	r.farm.send = on_send;
	r.farm.on_hello = on_hello;
	r.farm.on_delete = on_delete;
	if (start()) {
		fprintf(stderr, "farm: cannot start\n");
		return 1;
	}
	status = run();
	farm_traffic_fini(&r.traffic);
	farm_fini(&r.farm);
	return status;
}
