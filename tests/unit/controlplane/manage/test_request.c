// Requests: the control core does a bounded slice a turn, and cursors survive what comes and goes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "counters.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "ike_sa.h"
#include "peer.h"
#include "request.h"

#define PEERS 1000

// A slice is at most this many views.
#define SLICE (REQUEST_STEPS / REQUEST_ITEM)

struct world {
	struct control c;
	struct request_slot *slot;
	struct request r;
	pthread_t helper;
	int err;
	_Atomic bool done;
	uint32_t seen[PEERS * 4]; // session IDs or connection IDs, in order
	unsigned n_seen;
	struct view last[VIEW_CHILD + 1]; // of each kind
	unsigned turns, worst; // request_run() calls that did something, most views in one
};

static struct world *world_create(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct control *c = &w->c;

	fake_ike_reset();
	c->config = config_create();
	c->dp = fake_dp_create();
	c->now = fake_now;
	slab_init(&c->peers, sizeof(struct peer), PEERS * 2);
	slab_init(&c->ike_sas, sizeof(struct ike_sa), PEERS * 4);
	slab_init(&c->children, sizeof(struct child), PEERS * 4);
	c->max_tunnels = 5000;
	c->flow_of_tunnel = calloc(c->max_tunnels, sizeof(*c->flow_of_tunnel));
	c->ports = calloc(1, sizeof(*c->ports));
	c->n_ports = 1;
	c->requests = request_queue_create(w);
	c->shown = counters_create(c);
	w->slot = request_slot_get(c->requests);
	return w;
}

static struct peer *add_peer(struct world *w, uint32_t id)
{
	struct peer *p = slab_alloc(&w->c.peers);

	p->local = addr_v4(0xc0000201);
	p->remote = addr_v4(0x0a000000 + id);
	p->remote_port = 500;
	return p;
}

static struct ike_sa *add_ike(struct world *w, struct peer *p, uint32_t id)
{
	struct ike_sa *sa = slab_alloc(&w->c.ike_sas);

	sa->peer = p;
	sa->state = IKE_P1_COMPLETE;
	sa->conn_id = id;
	sa->next = p->ike_sas;
	p->ike_sas = sa;
	return sa;
}

static struct child *add_child(struct world *w, struct peer *p, uint32_t id)
{
	struct child *ch = slab_alloc(&w->c.children);

	ch->peer = p;
	ch->state = CHILD_LIVE;
	ch->conn_id = id;
	ch->next = p->children;
	p->children = ch;
	return ch;
}

static void world_destroy(struct world *w)
{
	struct control *c = &w->c;

	request_slot_put(w->slot);
	request_queue_destroy(c->requests);
	counters_destroy(c->shown);
	slab_fini(&c->peers);
	slab_fini(&c->ike_sas);
	slab_fini(&c->children);
	free(c->flow_of_tunnel);
	free(c->ports);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	free(w);
}

static void *helper_main(void *arg)
{
	struct world *w = arg;

	do {
		w->err = request_submit(w->slot, &w->r);
		for (unsigned i = 0; !w->err && i < w->r.n; i++) {
			const struct view *v = &w->r.views[i];

			if (v->kind <= VIEW_CHILD)
				w->last[v->kind] = *v;
			w->seen[w->n_seen++] = v->kind == VIEW_PEER    ? v->peer.session_id
			                       : v->kind == VIEW_IKE   ? v->ike.conn_id
			                       : v->kind == VIEW_CHILD ? v->child.in.conn_id
			                                               : 0;
		}
	} while (!w->err && !w->r.end);
	atomic_store(&w->done, true);
	return NULL;
}

static void ask(struct world *w, enum request_kind kind)
{
	w->r.kind = kind;
	w->n_seen = 0;
	w->turns = w->worst = 0;
	atomic_store(&w->done, false);
	w->r.n = UINT32_MAX; // request_submit() begins at 0
	pthread_create(&w->helper, NULL, helper_main, w);
}

// Until the helper has come so far as to ask; the control core rests meanwhile.
static void has_asked(const struct world *w)
{
	while (__atomic_load_n(&w->r.n, __ATOMIC_ACQUIRE) != 0)
		usleep(100);
	usleep(1000);
}

// One turn of the control core; looks at how much it did. The views that it wrote are counted by
// their session IDs, which only the control core touches meanwhile.
static bool turn(struct world *w)
{
	uint32_t index = w->r.cursor.index;
	bool busy = request_run(&w->c);

	if (busy) {
		w->turns++;
		if (w->r.cursor.index > index && w->r.cursor.index - index > w->worst)
			w->worst = w->r.cursor.index - index;
	} else {
		usleep(10);
	}
	return busy;
}

static void finish(struct world *w)
{
	while (!atomic_load(&w->done))
		turn(w);
	pthread_join(w->helper, NULL);
	assert_int_equal(w->err, 0);
}

static void nothing_to_do(void **state)
{
	struct world *w = world_create();

	(void)state;
	assert_false(request_run(&w->c));
	request_queue_destroy(w->c.requests);
	w->c.requests = NULL;
	assert_false(request_run(&w->c));
	w->c.requests = request_queue_create(w);
	w->slot = request_slot_get(w->c.requests);
	world_destroy(w);
}

// 1000 peers: each once, in order, and never more than a slice a turn.
static void bounded_slices(void **state)
{
	struct world *w = world_create();

	(void)state;
	for (uint32_t i = 1; i <= PEERS; i++)
		add_peer(w, i);
	ask(w, REQUEST_PEERS);
	finish(w);
	assert_int_equal(w->n_seen, PEERS);
	for (uint32_t i = 0; i < PEERS; i++)
		assert_int_equal(w->seen[i], i + 1);
	assert_true(w->worst <= SLICE);
	assert_true(w->turns >= PEERS / SLICE);
	world_destroy(w);
}

// Empty places cost little, but not nothing.
static void sparse_table(void **state)
{
	struct world *w = world_create();
	struct peer *peers[PEERS];

	(void)state;
	for (uint32_t i = 0; i < PEERS; i++)
		peers[i] = add_peer(w, i + 1);
	for (uint32_t i = 0; i < PEERS - 1; i++)
		slab_free(&w->c.peers, peers[i]);
	ask(w, REQUEST_PEERS);
	finish(w);
	assert_int_equal(w->n_seen, 1);
	assert_int_equal(w->seen[0], PEERS);
	assert_true(w->worst <= REQUEST_STEPS);
	world_destroy(w);
}

// Peers vanish and come while they are listed.
static void cursor_survives(void **state)
{
	struct world *w = world_create();
	struct peer *peers[PEERS];
	bool seen_last = false;

	(void)state;
	for (uint32_t i = 0; i < PEERS; i++) {
		peers[i] = add_peer(w, i + 1);
		add_ike(w, peers[i], 10000 + i);
	}
	ask(w, REQUEST_SESSIONS);
	while (w->turns < 3)
		turn(w);
	// What is being listed right now, and much of what follows.
	for (uint32_t i = 1; i < PEERS - 1; i++) {
		slab_free(&w->c.ike_sas, peers[i]->ike_sas);
		slab_free(&w->c.peers, peers[i]);
	}
	add_peer(w, 5000);
	finish(w);
	assert_true(w->n_seen < 500);
	for (unsigned i = 0; i < w->n_seen; i++)
		seen_last = seen_last || w->seen[i] == PEERS;
	assert_true(seen_last);
	world_destroy(w);
}

// A peer with many children is listed in slices too; the child that is next may go.
static void many_children(void **state)
{
	struct world *w = world_create();
	struct peer *p = add_peer(w, 1);
	struct child *ch;
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		add_child(w, p, 1000 + i);
	ask(w, REQUEST_SESSIONS);
	while (w->turns < 4)
		turn(w);
	ch = slab_get(&w->c.children, w->r.cursor.next);
	if (ch) {
		struct child **link = &p->children;

		while (*link != ch)
			link = &(*link)->next;
		*link = ch->next;
		slab_free(&w->c.children, ch);
		n = 1;
	}
	finish(w);
	assert_int_equal(w->n_seen, 1 + 500 - n);
	for (unsigned i = 2; i < w->n_seen; i++)
		assert_true(w->seen[i] < w->seen[i - 1]);
	world_destroy(w);
}

static void filters(void **state)
{
	struct world *w = world_create();

	(void)state;
	for (uint32_t i = 1; i <= 10; i++)
		add_ike(w, add_peer(w, i), 100 + i);
	w->r.filter.remote = addr_v4(0x0a000003);
	ask(w, REQUEST_PEERS);
	finish(w);
	assert_int_equal(w->n_seen, 1);
	assert_int_equal(w->seen[0], 3);
	w->r.filter.remote_port = 4500;
	w->r.cursor = (struct request_cursor){0};
	ask(w, REQUEST_PEERS);
	finish(w);
	assert_int_equal(w->n_seen, 0);
	w->r.filter = (struct request_filter){.local = addr_v4(0xc0000201)};
	w->r.cursor = (struct request_cursor){0};
	ask(w, REQUEST_IKE_SAS);
	finish(w);
	assert_int_equal(w->n_seen, 10);
	world_destroy(w);
}

// Several helpers ask at once: each gets its slices in turn.
static void fair(void **state)
{
	struct world *w = world_create(), *other = world_create();
	struct request_queue *spare = other->c.requests;

	(void)state;
	for (uint32_t i = 1; i <= PEERS; i++)
		add_peer(w, i);
	request_slot_put(other->slot);
	other->slot = request_slot_get(w->c.requests);
	assert_ptr_not_equal(other->slot, w->slot);
	ask(w, REQUEST_PEERS);
	ask(other, REQUEST_STATUS);
	has_asked(w);
	has_asked(other);
	while (!other->r.end)
		turn(w);
	// One slice each in turn: the short one did not wait for the long one.
	assert_true(w->turns <= 2);
	assert_false(w->r.end);
	pthread_join(other->helper, NULL);
	finish(w);
	assert_int_equal(w->n_seen, PEERS);
	request_slot_put(other->slot);
	other->slot = request_slot_get(spare);
	world_destroy(other);
	world_destroy(w);
}

static void refused_when_stopping(void **state)
{
	struct world *w = world_create();

	(void)state;
	add_peer(w, 1);
	ask(w, REQUEST_PEERS);
	while (!atomic_load(&w->done)) {
		request_refuse_all(w->c.requests);
		usleep(100);
	}
	pthread_join(w->helper, NULL);
	assert_int_equal(w->err, -ESHUTDOWN);
	world_destroy(w);
}

static void slots_are_limited(void **state)
{
	struct world *w = world_create();
	struct request_slot *slots[REQUEST_SLOTS];

	(void)state;
	for (unsigned i = 1; i < REQUEST_SLOTS; i++) {
		slots[i] = request_slot_get(w->c.requests);
		assert_non_null(slots[i]);
	}
	assert_null(request_slot_get(w->c.requests));
	for (unsigned i = 1; i < REQUEST_SLOTS; i++)
		request_slot_put(slots[i]);
	world_destroy(w);
}

// The last view of a kind that a list of all sessions has.
static const struct view *last_view(struct world *w, enum view_kind kind)
{
	w->r.cursor = (struct request_cursor){0};
	ask(w, REQUEST_SESSIONS);
	finish(w);
	assert_int_equal(w->last[kind].kind, kind);
	return &w->last[kind];
}

// A session may be up for longer than ticks tell: half of their range after 248 days, all of it
// after 497.
static void long_uptime(void **state)
{
	static const uint32_t days[] = {0, 1, 248, 300, 496, 498, 2000};
	struct world *w = world_create();
	uint32_t before = 0;

	(void)state;
	peer_set_state(&w->c, add_peer(w, 1), PEER_UP);
	for (unsigned i = 0; i < sizeof(days) / sizeof(*days); i++) {
		for (; before < days[i]; before++) {
			fake_now += 24 * 3600 * TICKS_PER_SECOND;
			w->c.now = fake_now;
			(void)dp_now_us(w->c.dp); // the fake counts its ticks when it is asked
		}
		assert_int_equal(last_view(w, VIEW_PEER)->peer.up_seconds, days[i] * 24 * 3600);
	}
	world_destroy(w);
}

// All that was there goes, however long ago it came; what comes meanwhile stays.
static void clears_the_old(void **state)
{
	const struct ip_addr here = addr_v4(0xc0000201), late = addr_v4(0x0b000001);
	struct world *w = world_create();
	struct control *c = &w->c;

	(void)state;
	assert_int_equal(peer_tables_init(c, PEERS), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct ip_addr there = addr_v4(0x0a000000 + i);

		if (i == 50) // half of all numbers later
			c->peers.next_generation = 0x80000002;
		assert_non_null(peer_get(c, &here, &there, 500));
	}
	ask(w, REQUEST_CLEAR_SESSIONS);
	while (w->turns == 0)
		turn(w);
	assert_non_null(peer_get(c, &here, &late, 500));
	finish(w);
	assert_int_equal(w->r.count, 100);
	assert_int_equal(c->peers.used, 1);
	assert_non_null(peer_find(c, &here, &late, 500));
	peer_tables_fini(c);
	world_destroy(w);
}

// The largest volume that can be configured is not none.
static void volume_left(void **state)
{
	static const uint32_t volumes[] = {0, 2560, UINT32_MAX - 1, UINT32_MAX};
	static const uint32_t left[] = {VIEW_NONE, 2560, VIEW_NONE - 1, VIEW_NONE - 1};
	struct world *w = world_create();
	struct child *ch = add_child(w, add_peer(w, 1), 1000);

	(void)state;
	for (unsigned i = 0; i < sizeof(volumes) / sizeof(*volumes); i++) {
		ch->suite.lifetime_kilobytes = volumes[i];
		assert_int_equal(last_view(w, VIEW_CHILD)->child.kilobytes_left, left[i]);
	}
	world_destroy(w);
}

static void debug_switches(void **state)
{
	struct world *w = world_create();

	(void)state;
	w->r.debug_isakmp = REQUEST_ON;
	ask(w, REQUEST_DEBUG);
	finish(w);
	assert_true(w->c.log.debug_isakmp);
	assert_false(w->c.log.debug_ipsec);
	w->r.debug_isakmp = REQUEST_KEEP;
	w->r.debug_ipsec = REQUEST_ON;
	ask(w, REQUEST_DEBUG);
	finish(w);
	assert_true(w->c.log.debug_isakmp && w->c.log.debug_ipsec);
	w->r.debug_isakmp = w->r.debug_ipsec = REQUEST_OFF;
	ask(w, REQUEST_DEBUG);
	finish(w);
	assert_false(w->c.log.debug_isakmp || w->c.log.debug_ipsec);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(bounded_slices),
		cmocka_unit_test(sparse_table),
		cmocka_unit_test(cursor_survives),
		cmocka_unit_test(many_children),
		cmocka_unit_test(filters),
		cmocka_unit_test(fair),
		cmocka_unit_test(refused_when_stopping),
		cmocka_unit_test(slots_are_limited),
		cmocka_unit_test(long_uptime),
		cmocka_unit_test(clears_the_old),
		cmocka_unit_test(volume_left),
		cmocka_unit_test(debug_switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
