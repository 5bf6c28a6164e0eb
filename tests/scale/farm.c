// The peer farm: N IKEv1 peers on one core, over a memif port, against a running gateway. They set
// up, answer DPD for a while, then some of them die at once; the farm says how the gateway kept
// time. Run by `run scale`; see --help.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "farm_faults.h"
#include "farm_gateway.h"
#include "farm_net.h"
#include "farm_peer.h"

#define IKE_PORT       500
#define FARM_STRANGERS 0x647f0000u // 100.127.0.0, behind all peers
#define BUCKETS        30001u      // of a millisecond; the last one is for all that is later
#define SWEEP_MS       10u
#define IDLE_US        50
#define LINK_MS        30000u
#define SETTLE_MS      500u
#define GRACE_MS       20000u // after the schedule, before what is missing counts as not found
#define RETRIES        5u

struct histogram {
	uint64_t n, max;
	uint64_t buckets[BUCKETS];
};

struct options {
	const char *socket, *psk, *json;
	uint32_t peers, rate, window;
	uint32_t setup_s, run_s, kill; // kill: percent
	uint32_t interval_s, retry_s;
	bool hellos;      // the peers ask as well
	uint32_t restart; // percent of the peers that forget everything and begin afresh
	bool comeback;    // the dead live again
	uint32_t gateway; // process ID, 0 = not known
	uint32_t flood;   // first messages of strangers, a second
};

// How long it was until all were up, or the time was over.
struct took {
	uint32_t setup_ms, restart_ms, return_ms;
	uint64_t exchanges; // while steady
	struct gateway_use before, up, steady;
};

static volatile sig_atomic_t stopped;
static struct farm farm;
static struct farm_net net;
static struct histogram late, found; // ms
static struct farm_faults faults = {.seed = 1};
static uint8_t first_message[512]; // of a peer, for strangers
static uint16_t first_len;
static uint64_t strangers;
static struct options options = {.psk = "farm-key",
                                 .peers = 1000,
                                 .rate = 2000,
                                 .window = 256,
                                 .setup_s = 600,
                                 .run_s = 30,
                                 .kill = 10,
                                 .interval_s = 10,
                                 .retry_s = 2};

static uint32_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

static void record(struct histogram *h, uint64_t ms)
{
	h->n++;
	h->buckets[ms < BUCKETS ? ms : BUCKETS - 1]++;
	h->max = ms > h->max ? ms : h->max;
}

// The value that a share of `part` in 1000 does not exceed.
static uint64_t quantile(const struct histogram *h, unsigned part)
{
	uint64_t wanted = (h->n * part + 999) / 1000, seen = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= wanted && h->n)
			return i;
	}
	return h->max;
}

// ---- between farm and network ------------------------------------------------------------------

static void on_send(struct farm *f, uint32_t peer, const uint8_t *data, uint16_t len)
{
	const struct farm_datagram d = {.src = FARM_PEERS + 1 + peer,
	                                .dst = FARM_GATEWAY,
	                                .src_port = IKE_PORT,
	                                .dst_port = IKE_PORT,
	                                .data = data,
	                                .len = len};

	(void)f;
	if (!first_len && len <= sizeof(first_message)) {
		memcpy(first_message, data, len);
		first_len = len;
	}
	farm_faults_send(&faults, &net, &d, now_ms());
}

// Strangers that begin and say no more: a cookie and an address of their own each.
static void flood(uint32_t now)
{
	static uint32_t begun;

	if (!options.flood || !first_len)
		return;
	begun = begun ? begun : now;
	while (strangers < (uint64_t)(now - begun) * options.flood / 1000) {
		const struct farm_datagram d = {.src = FARM_STRANGERS +
		                                       farm_faults_random(&faults, 65536),
		                                .dst = FARM_GATEWAY,
		                                .src_port = IKE_PORT,
		                                .dst_port = IKE_PORT,
		                                .data = first_message,
		                                .len = first_len};
		uint32_t cookie[2] = {farm_faults_random(&faults, UINT32_MAX),
		                      farm_faults_random(&faults, UINT32_MAX)};

		memcpy(first_message, cookie, sizeof(cookie));
		farm_net_send(&net, &d);
		strangers++;
	}
}

static void on_datagram(void *arg, const struct farm_datagram *d)
{
	uint32_t peer = d->dst - FARM_PEERS - 1;

	(void)arg;
	if (d->dst_port == IKE_PORT && d->src == FARM_GATEWAY && peer < farm.n)
		farm_peer_in(&farm, peer, d->data, d->len, now_ms());
}

// A probe is on time if it comes one interval after the one before it.
static void on_hello(struct farm *f, uint32_t peer, uint32_t ms)
{
	uint32_t wanted = options.interval_s * 1000;

	(void)f;
	(void)peer;
	if (ms)
		record(&late, ms > wanted ? ms - wanted : wanted - ms);
}

static void on_delete(struct farm *f, uint32_t peer, uint32_t now)
{
	struct farm_peer *p = &f->peers[peer];

	if (p->dead)
		record(&found, now - p->died_ms);
}

static void turn(void)
{
	unsigned n = 0, got;

	do {
		got = farm_net_poll(&net, on_datagram, NULL);
		n += got;
	} while (got == FARM_BURST && n < 8 * FARM_BURST);
	farm_faults_turn(&faults, &net, now_ms());
	farm_net_flush(&net);
	if (!n)
		usleep(IDLE_US);
}

// ---- phases
// --------------------------------------------------------------------------------------

static bool connect_gateway(void)
{
	uint32_t end = now_ms() + LINK_MS, asked = 0;

	while (!net.known && !stopped) {
		uint32_t now = now_ms();

		if ((int32_t)(now - end) > 0)
			return false;
		if (now - asked > 200) {
			farm_net_ask(&net);
			asked = now;
		}
		turn();
	}
	// The gateway has heard of its link within a fifth of a second; until then it has no
	// routes.
	for (end = now_ms() + SETTLE_MS; !stopped && (int32_t)(now_ms() - end) < 0;)
		turn();
	return net.known;
}

static void show(const char *phase, uint32_t since)
{
	static struct farm_counts before;
	static uint32_t then;
	uint32_t now = now_ms(), ms = now - then;
	const struct farm_counts *c = &farm.counts;

	if (ms < 1000)
		return;
	if (then)
		printf("%-8s %4u s  up %8lu  set-ups %7lu/s  probes %7lu/s  retransmitted %6lu  "
		       "deletes "
		       "%6lu (false %lu)  bad %lu\n",
		       phase, (now - since) / 1000,
		       (unsigned long)(c->up - c->deletes - c->restarted),
		       (unsigned long)((c->up - before.up) * 1000 / ms),
		       (unsigned long)((c->hellos - before.hellos) * 1000 / ms),
		       (unsigned long)c->retransmitted, (unsigned long)c->deletes,
		       (unsigned long)c->false_deaths, (unsigned long)c->bad);
	fflush(stdout);
	before = *c;
	then = now;
}

// Repeats what had no answer: every peer is looked at once a second.
static void sweep(uint32_t now)
{
	static uint32_t at, when;
	uint32_t n = farm.n / (1000 / SWEEP_MS) + 1;

	if (now - when < SWEEP_MS)
		return;
	when = now;
	while (n--) {
		farm_peer_timeout(&farm, at, now);
		at = (at + 1) % farm.n;
	}
}

// The i-th of n peers that are spread over all: 0, 10, 20 ... of 10 %.
static uint32_t part_of(uint32_t i, uint32_t n)
{
	return (uint32_t)((uint64_t)i * farm.n / n);
}

// Starts peers at the rate, as long as not too many are being set up.
static uint32_t set_up(void)
{
	uint32_t begun = now_ms(), now = begun, next = 0, again = 0;

	while (!stopped && farm.counts.up < farm.n && now - begun < options.setup_s * 1000) {
		uint64_t allowed = (uint64_t)(now - begun) * options.rate / 1000 + 1;

		while (next < farm.n && next < allowed &&
		       farm.counts.started - farm.counts.up - farm.counts.failed < options.window)
			farm_peer_start(&farm, next++, now);
		// Who gave up begins afresh.
		for (unsigned i = 0; next == farm.n && i < 64; i++, again = (again + 1) % farm.n)
			if (farm.peers[again].state == FARM_IDLE)
				farm_peer_start(&farm, again, now);
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
	uint32_t n = (uint32_t)((uint64_t)farm.n * percent / 100), next = 0, again = 0;
	uint32_t begun = now_ms(), now = begun;
	uint64_t before = farm.counts.up;

	while (!stopped && farm.counts.up - before < n && now - begun < options.setup_s * 1000) {
		uint64_t allowed = (uint64_t)(now - begun) * options.rate / 1000 + 1;

		while (next < n && next < allowed &&
		       farm.counts.started - farm.counts.up - farm.counts.failed < options.window)
			farm_peer_start(&farm, part_of(next++, n), now);
		for (unsigned i = 0; next == n && i < 64; i++, again = (again + 1) % n)
			if (farm.peers[part_of(again, n)].state == FARM_IDLE)
				farm_peer_start(&farm, part_of(again, n), now);
		turn();
		now = now_ms();
		sweep(now);
		show(phase, begun);
	}
	return now - begun;
}

static void steady(const char *phase, uint32_t ms, bool (*done)(void))
{
	uint32_t begun = now_ms(), now = begun, asked = 0;

	while (!stopped && now - begun < ms && !(done && done())) {
		if (options.hellos) // every peer once in an interval
			for (;
			     asked < (uint64_t)(now - begun) * farm.n / (options.interval_s * 1000);
			     asked++)
				farm_peer_hello(&farm, asked % farm.n);
		flood(now);
		turn();
		now = now_ms();
		sweep(now);
		show(phase, begun);
	}
}

static bool all_found(void)
{
	return found.n >= (uint64_t)farm.n * options.kill / 100;
}

static void kill_some(uint32_t *killed_ms)
{
	uint32_t n = (uint32_t)((uint64_t)farm.n * options.kill / 100), now = now_ms();

	*killed_ms = now;
	for (uint32_t i = 0; i < n; i++) {
		struct farm_peer *p = &farm.peers[part_of(i, n)];

		p->dead = true;
		if (!p->heard)
			p->died_ms = now;
	}
}

// ---- the report
// ----------------------------------------------------------------------------------

static void report_afresh(FILE *out, const char *name, uint32_t percent, uint32_t ms)
{
	uint32_t n = (uint32_t)((uint64_t)farm.n * percent / 100);

	fprintf(out, " \"%s\": {\"n\": %u, \"s\": %.3f, \"a_second\": %.0f},\n", name, n,
	        ms / 1000.0, ms ? n * 1000.0 / ms : 0.0);
}

// What the gateway needed: CPU of the control core and of all its threads, memory.
static void report_gateway(FILE *out, const struct took *took)
{
	const struct gateway_use *before = &took->before, *up = &took->up, *steady = &took->steady;
	double n = farm.n, exchanges = (double)(took->exchanges ? took->exchanges : 1);

	if (!options.gateway)
		return;
	fprintf(out,
	        " \"gateway\": {\"cpu_us_a_setup\": %.0f, \"control_us_a_setup\": %.0f,\n"
	        "  \"control_us_an_exchange\": %.2f, \"control_busy\": %.3f, \"kib_a_peer\": "
	        "%.2f},\n",
	        (up->all - before->all) * 1e6 / n, (up->control - before->control) * 1e6 / n,
	        (steady->control - up->control) * 1e6 / exchanges,
	        (steady->control - up->control) / (steady->at - up->at),
	        (steady->rss - before->rss) / n);
}

static void use(struct gateway_use *now)
{
	if (options.gateway && !gateway_use_read((int)options.gateway, now)) {
		fprintf(stderr, "farm: no process %u\n", options.gateway);
		options.gateway = 0;
	}
}

static void report(FILE *out, const struct took *took)
{
	uint32_t setup_ms = took->setup_ms;
	const struct farm_counts *c = &farm.counts;
	uint32_t dead = (uint32_t)((uint64_t)farm.n * options.kill / 100);

	fprintf(out,
	        "{\"peers\": %u, \"up\": %lu, \"setup_s\": %.3f, \"setups_a_second\": %.0f,\n"
	        " \"faults\": {\"loss\": %.1f, \"dup\": %.1f, \"late_ms\": %u, \"lost\": %lu, "
	        "\"doubled\": %lu, \"late\": %lu, \"strangers\": %lu},\n"
	        " \"retransmitted\": %lu, \"failed\": %lu, \"bad\": %lu, \"frames_lost\": %lu,\n"
	        " \"probes\": %lu, \"interval_s\": %u, \"late_ms\": {\"n\": %lu, \"p50\": %lu, "
	        "\"p99\": "
	        "%lu, \"max\": %lu},\n",
	        farm.n, (unsigned long)c->up, setup_ms / 1000.0,
	        setup_ms ? (double)c->up * 1000 / setup_ms : 0.0, faults.loss, faults.dup,
	        faults.late, (unsigned long)faults.lost, (unsigned long)faults.doubled,
	        (unsigned long)faults.held, (unsigned long)strangers,
	        (unsigned long)c->retransmitted, (unsigned long)c->failed, (unsigned long)c->bad,
	        (unsigned long)net.lost, (unsigned long)c->hellos, options.interval_s,
	        (unsigned long)late.n, (unsigned long)quantile(&late, 500),
	        (unsigned long)quantile(&late, 990), (unsigned long)late.max);
	report_gateway(out, took);
	report_afresh(out, "restarted", options.restart, took->restart_ms);
	report_afresh(out, "returned", options.comeback ? options.kill : 0, took->return_ms);
	fprintf(out,
	        " \"killed\": %u, \"found\": %lu, \"found_ms\": {\"p50\": %lu, \"p99\": %lu, "
	        "\"max\": "
	        "%lu}, \"false_deaths\": %lu}\n",
	        dead, (unsigned long)found.n, (unsigned long)quantile(&found, 500),
	        (unsigned long)quantile(&found, 990), (unsigned long)found.max,
	        (unsigned long)c->false_deaths);
}

// Nobody is left without an SA who should have one.
static bool all_back(void)
{
	uint32_t up = 0, dead = 0;

	for (uint32_t i = 0; i < farm.n; i++) {
		dead += farm.peers[i].dead;
		up += farm.peers[i].state == FARM_UP && !farm.peers[i].dead;
	}
	return up + dead == farm.n;
}

static int run(void)
{
	struct took took = {0};
	uint32_t killed_ms, rest;
	bool good;

	if (!connect_gateway()) {
		fprintf(stderr, "farm: the gateway does not answer\n");
		return 1;
	}
	use(&took.before);
	took.setup_ms = set_up();
	use(&took.up);
	took.exchanges = farm.counts.hellos;
	good = farm.counts.up >= farm.n;
	steady("steady", options.run_s * 1000, NULL);
	took.exchanges = farm.counts.hellos - took.exchanges;
	use(&took.steady);
	if (options.restart)
		took.restart_ms = begin_afresh("restart", options.restart);
	kill_some(&killed_ms);
	rest = (options.interval_s + RETRIES * options.retry_s) * 1000 + GRACE_MS;
	if (options.kill)
		steady("death", rest, all_found);
	good &= all_found();
	if (options.comeback && options.kill)
		took.return_ms = begin_afresh("return", options.kill);
	good &= all_back() && farm.counts.false_deaths == 0;
	report(stdout, &took);
	if (options.json) {
		FILE *file = fopen(options.json, "w");

		if (!file || (report(file, &took), fclose(file)) == EOF) {
			perror(options.json);
			return 1;
		}
	}
	return good ? 0 : 1;
}

static void usage(FILE *to)
{
	fprintf(to,
	        "usage: farm --socket PATH [--peers N] [--rate A-SECOND] [--window N] [--psk KEY]\n"
	        "            [--setup-time S] [--run S] [--kill PERCENT] [--hellos]\n"
	        "            [--interval S] [--retry S] [--restart PERCENT] [--return] "
	        "[--gateway PID] "
	        "[--json FILE]\n"
	        "            [--loss PERCENT] [--dup PERCENT] [--late MS] [--flood A-SECOND] "
	        "[--seed N]\n"
	        "What the peers send is lost, comes twice, or late by up to MS; --flood: first "
	        "messages\n"
	        "of strangers, from 100.127.0.0/16, once all peers are up. --restart: so many "
	        "lose\n"
	        "everything and begin afresh; --return: so do the dead, once all are found.\n"
	        "PATH is the memif socket of a gateway with address 192.0.2.1 and a route for\n"
	        "100.64.0.0/10 by 192.0.2.2; peer i is 100.64.0.1 + i with the host 10.0.0.1 + i.\n"
	        "Ends with 0 if all came up, every death was told and none of a living peer.\n");
}

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

// What is no whole number.
static bool parse_one(int opt)
{
	switch (opt) {
	case 's':
		options.socket = optarg;
		return true;
	case 'p':
		options.psk = optarg;
		return true;
	case 'j':
		options.json = optarg;
		return true;
	case 'h':
		options.hellos = true;
		return true;
	case 'b':
		options.comeback = true;
		return true;
	case 'l':
		faults.loss = strtod(optarg, NULL);
		return true;
	case 'd':
		faults.dup = strtod(optarg, NULL);
		return true;
	case 'x':
		faults.seed = strtoul(optarg, NULL, 10) | 1;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"socket", 1, NULL, 's'},     {"peers", 1, NULL, 'n'},   {"rate", 1, NULL, 'r'},
		{"window", 1, NULL, 'w'},     {"psk", 1, NULL, 'p'},     {"run", 1, NULL, 't'},
		{"setup-time", 1, NULL, 'u'}, {"kill", 1, NULL, 'k'},    {"hellos", 0, NULL, 'h'},
		{"interval", 1, NULL, 'i'},   {"retry", 1, NULL, 'y'},   {"json", 1, NULL, 'j'},
		{"loss", 1, NULL, 'l'},       {"dup", 1, NULL, 'd'},     {"late", 1, NULL, 'a'},
		{"flood", 1, NULL, 'f'},      {"seed", 1, NULL, 'x'},    {"restart", 1, NULL, 'e'},
		{"return", 0, NULL, 'b'},     {"gateway", 1, NULL, 'g'}, {NULL, 0, NULL, 0},
	};
	const struct {
		int opt;
		uint32_t *to;
	} numbers[] = {
		{'n', &options.peers},   {'r', &options.rate},       {'w', &options.window},
		{'t', &options.run_s},   {'u', &options.setup_s},    {'k', &options.kill},
		{'y', &options.retry_s}, {'i', &options.interval_s}, {'a', &faults.late},
		{'f', &options.flood},   {'e', &options.restart},    {'g', &options.gateway},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		bool known = false;

		for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			if (opt != numbers[i].opt)
				continue;
			*numbers[i].to = (uint32_t)strtoul(optarg, NULL, 10);
			known = true;
		}
		if (!known && !parse_one(opt))
			return false;
	}
	return options.socket && optind == argc && options.peers && options.peers <= 4000000 &&
	       options.kill <= 100 && options.restart <= 100 && options.interval_s &&
	       faults.late <= FARM_LATE_MAX;
}

int main(int argc, char **argv)
{
	int status;

	if (!parse(argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	farm.send = on_send;
	farm.on_hello = on_hello;
	farm.on_delete = on_delete;
	if (farm_net_start(&net, options.socket) || farm_init(&farm, options.peers, options.psk)) {
		fprintf(stderr, "farm: cannot start\n");
		return 1;
	}
	status = run();
	farm_fini(&farm);
	return status;
}
