// See gateway.h.
#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "apply.h"
#include "child.h"
#include "child_spis.h"
#include "counters.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "ike_sa.h"
#include "load.h"
#include "log_writer.h"
#include "manage.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "request.h"
#include "teardown.h"

const char gateway_config[] = "hostname Router\n"
			      "platform\n"
			      " port FastEthernet0 net_null0\n"
			      " port FastEthernet1 net_null1\n"
			      "logging buffered 8192\n"
			      "no logging console\n"
			      "crypto isakmp policy 1\n"
			      " encryption 3des\n"
			      " authentication pre-share\n"
			      " group 2\n"
			      "crypto isakmp policy 10\n"
			      " encryption aes 256\n"
			      " hash sha256\n"
			      " authentication pre-share\n"
			      " group 14\n"
			      "crypto isakmp key secret address 192.0.2.0 255.255.255.0\n"
			      "crypto isakmp keepalive 10 periodic\n"
			      "crypto ipsec transform-set ts esp-aes 256 esp-sha256-hmac\n"
			      "crypto map test 1 ipsec-isakmp\n"
			      " set peer 192.0.2.11\n"
			      " set peer 192.0.2.12\n"
			      " set transform-set ts\n"
			      " match address 101\n"
			      "crypto map test 2 ipsec-isakmp\n"
			      " set peer 192.0.2.13\n"
			      " set transform-set ts\n"
			      " match address second\n"
			      "interface FastEthernet0\n"
			      " ip address 192.0.2.1 255.255.255.0\n"
			      " crypto map test\n"
			      "interface FastEthernet1\n"
			      " ip address 10.1.0.1 255.255.255.0\n"
			      " ipv6 address 2001:db8:1::1/64\n"
			      "access-list 101 permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255\n"
			      "ip access-list extended second\n"
			      " permit ip 10.1.0.0 0.0.0.255 10.3.0.0 0.0.0.255\n"
			      "ip route 0.0.0.0 0.0.0.0 192.0.2.11\n";

// fake_ike.c leaves this one out.
const char *ike_state_show(const struct ike_sa *sa)
{
	return sa->state == IKE_P1_COMPLETE ? "QM_IDLE" : "MM_NO_STATE";
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void turn_events(struct control *c)
{
	struct dp_event events[64];
	unsigned n = dp_events(c->dp, events, 64);

	for (unsigned i = 0; i < n; i++) {
		struct flow *f = flow_of(c, events[i].tunnel);

		if (events[i].kind == DP_EVENT_ACQUIRE && f)
			flow_acquire(c, f);
		else if (events[i].kind == DP_EVENT_DOUBT && f && f->child)
			on_doubt(c, f->child->peer);
		else if (events[i].kind == DP_EVENT_ECHO)
			echo_heard(c, &events[i]);
		else if (events[i].kind == DP_EVENT_SA_GONE)
			child_sa_gone(c, events[i].sa);
	}
}

// What this thread has spent, in us: CPU time, which a machine that stands still does not add to,
// and how often it has waited for somebody.
static uint64_t spent_us(long *waits)
{
	struct timespec t;
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	*waits = use.ru_nvcsw;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void turn(struct gateway *g)
{
	struct control *c = &g->c;
	long waits_before, waits;
	uint64_t before, began, took;
	bool busy;

	fake_now = (tick_t)(now_us() / 10000);
	c->now = c->heard_until = fake_now;
	turn_events(c);
	fake_ike_run(c);
	wheel_run(&c->wheel, c->now, 1000, c);
	teardown_step(c);
	before = spent_us(&waits_before);
	began = now_us();
	busy = request_run(c);
	took = spent_us(&waits) - before;
	if (waits != waits_before) // for a reader, which the clock must tell
		took = now_us() - began;
	counters_turn(c, dp_now_us(c->dp), busy);
	if (took > atomic_load(&g->longest_us))
		atomic_store(&g->longest_us, (uint32_t)took);
	pthread_mutex_lock(&g->lock);
	if (g->order) {
		g->order(g, g->arg);
		g->order = NULL;
		pthread_cond_signal(&g->done);
	}
	pthread_mutex_unlock(&g->lock);
	if (!busy)
		usleep(200);
}

static int tables_init(struct control *c)
{
	fake_ike_reset();
	fake_now = (tick_t)(now_us() / 10000);
	c->dp = fake_dp_create();
	c->now = c->heard_until = fake_now;
	c->restarted = fake_now - 1;
	wheel_init(&c->wheel, fake_now);
	c->next_conn_id = 1001;
	peer_tables_init(c, 16);
	c->max_tunnels = FAKE_TUNNELS;
	c->max_sas = FAKE_SAS;
	child_spis_init(c);
	c->flow_of_tunnel = calloc(FAKE_TUNNELS, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(FAKE_SAS, sizeof(*c->child_of_sa));
	c->n_ports = 2;
	c->ports = calloc(DP_IFACES_MAX, sizeof(*c->ports));
	snprintf(c->ports[0], sizeof(c->ports[0]), "FastEthernet0");
	snprintf(c->ports[1], sizeof(c->ports[1]), "FastEthernet1");
	c->neighbours = neighbour_create(FAKE_PEERS);
	slab_init(&c->peers, sizeof(struct peer), FAKE_PEERS);
	slab_init(&c->ike_sas, sizeof(struct ike_sa), FAKE_IKE);
	slab_init(&c->children, sizeof(struct child), FAKE_SAS);
	return apply_start(c);
}

static bool tear_down(struct peer *p, void *arg)
{
	teardown_peer(arg, p);
	return true;
}

static void tables_fini(struct gateway *g)
{
	struct control *c = &g->c;

	c->stopping = true;
	peer_for_each(c, tear_down, c);
	for (unsigned i = 0; i < 1000 && c->children.used; i++)
		turn(g);
	apply_stop(c);
	fake_control_free(c);
	fake_dp_destroy(c->dp);
	fake_ike_reset();
}

static void *gateway_main(void *arg)
{
	struct gateway *g = arg;

	g->err = log_writer_start(&g->c.log, g->c.config);
	if (!g->err)
		g->err = tables_init(&g->c);
	if (!g->err)
		g->err = manage_start(&g->c, g->socket, g->startup);
	atomic_store(&g->started, true);
	while (!g->err && !atomic_load(&g->stop))
		turn(g);
	if (!g->err)
		manage_stop(&g->c);
	tables_fini(g);
	log_writer_stop(&g->c.log);
	return NULL;
}

struct gateway *gateway_start(const char *text)
{
	struct gateway *g = calloc(1, sizeof(*g));
	struct diag_list diags;
	FILE *f;

	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->done, NULL);
	snprintf(g->dir, sizeof(g->dir), "/tmp/vigil-test-XXXXXX");
	if (!mkdtemp(g->dir))
		return NULL;
	snprintf(g->socket, sizeof(g->socket), "%s/sock", g->dir);
	snprintf(g->startup, sizeof(g->startup), "%s/startup.conf", g->dir);
	snprintf(g->log, sizeof(g->log), "%s/log", g->dir);
	f = fopen(g->startup, "w");
	fputs(text, f);
	fclose(f);
	if (load_text("test", text, strlen(text), &g->c.config, &diags) < 0)
		for (uint32_t i = 0; i < diags.n; i++)
			fprintf(stderr, "%u: %s\n", diags.items[i].line, diags.items[i].message);
	diag_fini(&diags);
	if (!g->c.config)
		return NULL;
	pthread_create(&g->thread, NULL, gateway_main, g);
	while (!atomic_load(&g->started))
		usleep(1000);
	return g->err ? NULL : g;
}

void gateway_stop(struct gateway *g)
{
	char command[128];

	atomic_store(&g->stop, true);
	pthread_join(g->thread, NULL);
	config_free(g->c.config);
	snprintf(command, sizeof(command), "rm -rf %s", g->dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is still there\n", g->dir);
	free(g);
}

void gateway_do(struct gateway *g, void (*fn)(struct gateway *g, void *arg), void *arg)
{
	pthread_mutex_lock(&g->lock);
	g->order = fn;
	g->arg = arg;
	while (g->order)
		pthread_cond_wait(&g->done, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void send_packets(struct gateway *g, void *arg)
{
	unsigned *up = arg;

	*up = 0;
	for (uint32_t i = 0; i < FAKE_TUNNELS; i++) {
		struct flow *f = g->c.flow_of_tunnel[i];

		if (f && fake_dp_packet(g->c.dp, f->tunnel, NULL) && f->child)
			*up += 1;
		if (f && f->child)
			fake_dp_esp_in(g->c.dp, f->child->spi_in);
	}
}

void gateway_traffic(struct gateway *g)
{
	unsigned up = 0;

	for (unsigned i = 0; i < 100 && up < 2; i++) {
		gateway_do(g, send_packets, &up);
		usleep(20000);
	}
}
