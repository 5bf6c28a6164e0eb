// A peer with so many children that DPD asks them for life in several steps: what it decides is
// what a walk over all of them at once would have said, whatever comes between two steps. And one
// that is renewed by itself leaves the others alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "entry.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "flow.h"
#include "load.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "teardown.h"

#define S      TICKS_PER_SECOND
#define LINES  700u
#define ROUNDS 40u

static const char periodic[] = "crypto isakmp keepalive 10 2 periodic";
static const char on_demand[] = "crypto isakmp keepalive 10 2";

static struct control c;
static struct peer *peer;
static bool before; // what the walk over all said when the first child was asked
static struct {
	unsigned seeks, steps, found, found_late, skips, deaths;
} seen;

static bool walk(struct peer *p, tick_t since, bool *have, tick_t *when)
{
	*have = peer_last_life(&c, p, when);
	return *have && tick_before(since, *when);
}

bool __real_peer_seek_life(const struct control *control, struct peer *p, tick_t since, bool *have,
                           tick_t *when);
bool __wrap_peer_seek_life(const struct control *control, struct peer *p, tick_t since, bool *have,
                           tick_t *when);
bool __wrap_peer_seek_life(const struct control *control, struct peer *p, tick_t since, bool *have,
                           tick_t *when)
{
	bool first = !p->seeking, all_have, now, found;
	tick_t all_when;

	now = walk(p, since, &all_have, &all_when);
	if (first)
		before = now;
	seen.steps++;
	if (!__real_peer_seek_life(control, p, since, have, when)) {
		assert_true(p->n_children > LIFE_AT_A_TIME);
		return false;
	}
	found = *have && tick_before(since, *when);
	assert_true(found || !before);
	assert_true(now || !found);
	if (p->n_children <= LIFE_AT_A_TIME) {
		assert_int_equal(*have, all_have);
		assert_int_equal(*when, all_when);
	}
	seen.seeks++;
	seen.found += found;
	seen.found_late += found && !first;
	return true;
}

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct config *load(const char *keepalive)
{
	size_t size = 128 * (LINES + 16), n;
	char *text = malloc(size);
	struct config *config = NULL;
	struct diag_list diags;

	assert_non_null(text);
	n = (size_t)snprintf(text, size,
	                     "hostname gw\nplatform\n port FastEthernet0 net_null0\n"
	                     "crypto isakmp policy 1\n encryption aes\n hash sha256\n"
	                     " authentication pre-share\n group 14\n"
	                     "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n%s\n"
	                     "crypto ipsec transform-set ts esp-gcm\n"
	                     "crypto map m 1 ipsec-isakmp\n set peer 192.0.2.11\n"
	                     " set transform-set ts\n match address 101\n"
	                     "interface FastEthernet0\n ip address 192.0.2.1 255.255.255.0\n"
	                     " crypto map m\n",
	                     keepalive);
	for (unsigned i = 0; i < LINES; i++)
		n += (size_t)snprintf(text + n, size - n,
		                      "access-list 101 permit ip 10.%u.%u.0 0.0.0.255 10.99.0.0 "
		                      "0.0.255.255\n",
		                      1 + i / 256, i % 256);
	load_text("test", text, n, &config, &diags);
	diag_fini(&diags);
	free(text);
	assert_non_null(config);
	return config;
}

// One timer at a time, with what comes between two.
static void turn(void (*between)(void))
{
	struct dp_event events[64];
	unsigned n;

	c.now = c.heard_until = fake_now;
	while ((n = dp_events(c.dp, events, 64)))
		for (unsigned i = 0; i < n; i++) {
			struct flow *f = flow_of(&c, events[i].tunnel);

			if (events[i].kind == DP_EVENT_ACQUIRE && f)
				flow_acquire(&c, f);
			else if (events[i].kind == DP_EVENT_DOUBT && f && f->child)
				on_doubt(&c, f->child->peer);
			else if (events[i].kind == DP_EVENT_SA_GONE)
				child_sa_gone(&c, events[i].sa);
		}
	fake_ike_run(&c);
	while (wheel_run(&c.wheel, c.now, 1, &c))
		if (between)
			between();
	while (teardown_step(&c))
		;
}

static void pass(tick_t ticks, void (*between)(void))
{
	for (tick_t i = 0; i < ticks; i++) {
		fake_now++;
		turn(between);
	}
}

static void packets(unsigned every)
{
	for (struct flow *f = c.entries->flows; f; f = f->next)
		if ((unsigned)rand() % every == 0)
			fake_dp_packet(c.dp, f->tunnel, NULL);
}

static void start(const char *keepalive)
{
	fake_ike_reset();
	fake_now = 0xffffff00u;
	c = (struct control){.log = {.sink = sink}, .config = load(keepalive)};
	c.dp = fake_dp_create();
	c.now = c.heard_until = fake_now;
	c.restarted = fake_now - 1;
	wheel_init(&c.wheel, fake_now);
	fake_control_tables(&c);
	assert_int_equal(apply_start(&c), 0);
	packets(1);
	for (unsigned i = 0; i < 20 && c.children.used < LINES; i++)
		pass(S, NULL);
	peer = c.entries->flows->peer;
	assert_non_null(peer);
	assert_int_equal(peer->n_children, LINES);
}

static bool clear(struct peer *p, void *arg)
{
	teardown_peer(arg, p);
	return true;
}

static void stop(void)
{
	c.stopping = true;
	peer_for_each(&c, clear, &c);
	pass(30 * S, NULL);
	assert_int_equal(c.children.used, 0);
	apply_stop(&c);
	neighbour_destroy(&c);
	assert_int_equal(c.wheel.armed, 0);
	fake_control_free(&c);
	config_free(c.config);
	fake_dp_destroy(c.dp);
	fake_ike_reset();
}

static struct child *any_child(void)
{
	struct child *ch = peer->children;

	for (unsigned n = (unsigned)rand() % peer->n_children; n; n--)
		ch = ch->next;
	return ch;
}

// ESP on some child; a child goes, often the very one that would be asked next.
static void something(void)
{
	struct child *next;

	if (peer->state == PEER_ENDING || !peer->children)
		return;
	if (rand() % 60 == 0)
		fake_dp_esp_in(c.dp, any_child()->spi_in);
	if (!peer->seeking || peer->n_children < 2)
		return;
	next = slab_at(&c.children, peer->seek_at);
	assert_ptr_equal(next->peer, peer);
	if (rand() % 8 == 0) {
		seen.skips++;
		if (rand() % 2)
			fake_dp_esp_in(c.dp, next->spi_in);
		child_delete(&c, next, false, "test");
	} else if (rand() % 4 == 0) {
		child_delete(&c, any_child(), false, "test");
	} else if (rand() % 16 == 0) {
		on_peer_alive(&c, peer);
		assert_false(peer->seeking); // begins anew if it is sought again
	}
}

static void by_chance(const char *keepalive)
{
	memset(&seen, 0, sizeof(seen));
	for (unsigned round = 0; round < ROUNDS; round++) {
		srand(round);
		start(keepalive);
		if (round % 4)
			fake_ike_kill("192.0.2.11");
		for (unsigned i = 0; i < 40 && !c.counters.deaths && peer->n_children; i++) {
			if (round % 2)
				packets(300);
			pass(S, something);
		}
		seen.deaths += c.counters.deaths != 0;
		assert_true(round % 4 || !c.counters.deaths);
		stop();
	}
	print_message("%u seeks in %u steps, %u found, %u of them late, %u skips, %u deaths\n",
	              seen.seeks, seen.steps, seen.found, seen.found_late, seen.skips, seen.deaths);
	assert_true(seen.steps > seen.seeks + 50);
	assert_true(seen.found_late && seen.skips && seen.deaths);
}

static void periodic_by_chance(void **state)
{
	(void)state;
	by_chance(periodic);
}

static void on_demand_by_chance(void **state)
{
	(void)state;
	by_chance(on_demand);
}

// Has any child lived after `since`? The `drop`th step is followed by the end of the next child.
static bool sought(tick_t since, unsigned drop)
{
	bool have;
	tick_t when;

	while (!__real_peer_seek_life(&c, peer, since, &have, &when))
		if (drop && !--drop)
			child_delete(&c, slab_at(&c.children, peer->seek_at), false, "test");
	return have && tick_before(since, when);
}

static void each_one_is_asked(void **state)
{
	struct child *ch;

	(void)state;
	start(periodic);
	for (ch = peer->children; ch; ch = ch->next) {
		pass(1, NULL);
		fake_dp_esp_in(c.dp, ch->spi_in);
		assert_true(sought(fake_now - 1, 0));
		assert_false(sought(fake_now, 0));
	}
	stop();
}

// The next one to be asked goes, which may be the last: those behind it are asked all the same.
static void the_next_one_goes(void **state)
{
	const struct child *oldest;

	(void)state;
	start(periodic);
	while (peer->n_children > LIFE_AT_A_TIME) {
		pass(1, NULL);
		oldest = slab_at(&c.children, peer->children->prev - 1);
		fake_dp_esp_in(c.dp, oldest->spi_in);
		assert_true(sought(fake_now - 1, 1));
		pass(1, NULL);
		assert_false(sought(fake_now, 2));
	}
	stop();
}

// The only one that lives is asked last, and again and again.
static void one_of_all_lives(void **state)
{
	const struct child *oldest;

	(void)state;
	start(periodic);
	fake_ike_kill("192.0.2.11");
	for (unsigned i = 0; i < 120; i++) {
		oldest = slab_at(&c.children, peer->children->prev - 1);
		fake_dp_esp_in(c.dp, oldest->spi_in);
		pass(S, NULL);
	}
	assert_int_equal(c.counters.deaths, 0);
	assert_int_equal(c.counters.losses, 0);
	stop();
}

// Asking many costs a death no time: the same tick as with one child.
static void death_is_in_time(void **state)
{
	tick_t first;

	(void)state;
	start(periodic);
	fake_ike_kill("192.0.2.11");
	fake_ike.probes = 0;
	for (unsigned i = 0; i < 30 * S && !c.counters.deaths; i++)
		pass(1, NULL);
	first = fake_ike.probe_times[0];
	assert_int_equal(c.counters.deaths, 1);
	assert_int_equal(fake_ike.probes, 5);
	assert_int_equal(fake_now - first, 10 * S);
	stop();
}

// A worker stands still when the first children are asked, and goes on before the last ones are:
// what it had not heard is not taken for silence.
static void a_worker_wakes_meanwhile(void **state)
{
	unsigned before_it;

	(void)state;
	start(periodic);
	fake_ike_kill("192.0.2.11");
	while (peer->dpd.state != DPD_AGGRESSIVE)
		pass(1, NULL);
	before_it = peer->dpd.losses;
	c.dp->losses_until = peer->dpd.window_start - 1;
	while (!peer->seeking) {
		fake_now++;
		c.now = c.heard_until = fake_now;
		while (!peer->seeking && wheel_run(&c.wheel, c.now, 1, &c))
			;
	}
	c.dp->losses_until = 0;
	c.heard_until = c.now;
	while (wheel_run(&c.wheel, c.now, 1, &c))
		;
	assert_false(peer->seeking);
	assert_int_equal(peer->dpd.losses, before_it);
	assert_int_equal(peer->dpd.deferrals, 1);
	stop();
}

// A child that came up on an IKE SA which has been replaced is renewed, and of the others of its
// peer, some of which wait for their own renewal, none is touched.
static void one_is_renewed_alone(void **state)
{
	static tick_t due[LINES];
	struct child *ch, *one;
	unsigned i = 0;

	(void)state;
	start(periodic);
	pass(5 * S, NULL);
	one = any_child();
	for (ch = peer->children; ch; ch = ch->next) {
		ch->forsaken = ch != one; // its renewal has failed, and is due once more
		due[i++] = ch->rekey.expires;
	}
	renew_on_current(&c, one);
	i = 0;
	for (ch = peer->children; ch; ch = ch->next, i++)
		assert_int_equal(ch->rekey.expires, ch == one ? fake_now : due[i]);
	assert_false(peer->forsaken);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periodic_by_chance),       cmocka_unit_test(on_demand_by_chance),
		cmocka_unit_test(each_one_is_asked),        cmocka_unit_test(the_next_one_goes),
		cmocka_unit_test(one_of_all_lives),         cmocka_unit_test(death_is_in_time),
		cmocka_unit_test(a_worker_wakes_meanwhile), cmocka_unit_test(one_is_renewed_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
