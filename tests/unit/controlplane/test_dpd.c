// DPD decisions under a virtual clock. Checklist items are named where a test proves them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dpd.h"

#define S TICKS_PER_SECOND

struct world {
	struct dpd dpd;
	struct dpd_config config;
	struct dpd_facts facts;
	struct dpd_decision last;
	unsigned probes, losses, deferred, deaths;
	tick_t first_probe, death;
	tick_t sent[64];
};

static struct world world_make(bool periodic, tick_t interval, tick_t retry)
{
	struct world w = {.config = {true, periodic, (uint16_t)retry, interval}};

	w.facts.now = 0xfffffe00u; // the clock wraps within each test
	w.facts.heard_until = w.facts.now;
	w.facts.restarted = w.facts.now - 1;
	return w;
}

static void take(struct world *w, struct dpd_decision d)
{
	w->last = d;
	w->losses += d.loss;
	w->deferred += d.deferred;
	if (d.action == DPD_PROBE)
		w->first_probe = w->facts.now;
	if (d.action == DPD_PROBE || d.action == DPD_RETRY || d.action == DPD_AGAIN)
		w->sent[w->probes++ % 64] = w->facts.now;
	if (d.action == DPD_DEAD) {
		w->deaths++;
		w->death = w->facts.now;
	}
}

static void start(struct world *w)
{
	take(w, dpd_start(&w->dpd, &w->config, &w->facts, 0));
}

// Lets `ticks` pass; the armed time is honoured to the tick.
static void pass(struct world *w, tick_t ticks)
{
	for (tick_t i = 0; i < ticks; i++) {
		w->facts.now++;
		w->facts.heard_until = w->facts.now;
		if (w->last.arm && tick_diff(w->last.at, w->facts.now) <= 0)
			take(w, dpd_expired(&w->dpd, &w->config, &w->facts));
	}
}

static void life(struct world *w)
{
	w->facts.have_life = true;
	w->facts.last_life = w->facts.now;
}

static void ack(struct world *w)
{
	life(w);
	take(w, dpd_alive(&w->dpd, &w->config, &w->facts));
}

// Items 8 and 14: periodic messages go out at the interval with no traffic at all.
static void periodic_probes_on_schedule(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	for (unsigned i = 1; i <= 50; i++) {
		pass(&w, 10 * S);
		assert_int_equal(w.probes, i);
		if (i > 1)
			assert_int_equal(w.sent[i - 1] - w.sent[i - 2], 10 * S);
		ack(&w);
	}
	assert_int_equal(w.losses, 0);
}

// Item 15: a valid hello of the peer stands for our own in that interval.
static void hello_suppresses_ours(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	for (unsigned i = 0; i < 20; i++) {
		pass(&w, 7 * S);
		life(&w);
		take(&w, dpd_hello(&w.dpd, &w.config, &w.facts));
	}
	assert_int_equal(w.probes, 0);
	pass(&w, 10 * S);
	assert_int_equal(w.probes, 1);
}

// ESP is life, but periodic still asks on schedule.
static void traffic_does_not_suppress_periodic(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	for (unsigned i = 0; i < 100; i++) {
		pass(&w, S);
		ack(&w);
	}
	assert_int_equal(w.probes, 10);
}

// Items 11, 12, 50: retries every retry-seconds, five losses are death, 5 x retry after the first
// unanswered message.
static void death_on_schedule(void **state)
{
	static const tick_t retries[] = {2 * S, 3 * S, 60 * S};

	(void)state;
	for (unsigned r = 0; r < 3; r++) {
		struct world w = world_make(true, 10 * S, retries[r]);

		start(&w);
		pass(&w, 10 * S + 5 * retries[r] + 100);
		assert_int_equal(w.deaths, 1);
		assert_int_equal(w.probes, 5);
		assert_int_equal(w.losses, 5);
		assert_int_equal(w.death - w.first_probe, 5 * retries[r]);
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(w.sent[i] - w.sent[i - 1], retries[r]);
		pass(&w, 1000 * S);
		assert_int_equal(w.probes, 5);
	}
}

// Item 13: ten seconds with five tries, for high availability: a retry other than the default.
static void retry_of_ten_seconds(void **state)
{
	struct world w = world_make(true, 10 * S, 10 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S + 49 * S); // a router that becomes active within 50 s is not dead
	assert_int_equal(w.deaths, 0);
	ack(&w);
	assert_int_equal(w.dpd.losses, 0);
	pass(&w, 10 * S + 50 * S);
	assert_int_equal(w.deaths, 1);
	assert_int_equal(w.death - w.first_probe, 50 * S);
}

// Item 23: what the two modes cost. A live periodic peer: one exchange an interval, whatever the
// traffic. An idle on-demand peer: nothing, not even a timer.
static void cost_of_the_modes(void **state)
{
	struct world periodic = world_make(true, 10 * S, 2 * S);
	struct world on_demand = world_make(false, 10 * S, 2 * S);

	(void)state;
	start(&periodic);
	start(&on_demand);
	for (unsigned i = 0; i < 360; i++) {
		pass(&periodic, 10 * S);
		ack(&periodic);
		pass(&on_demand, 10 * S);
		assert_false(on_demand.last.arm);
	}
	assert_int_equal(periodic.probes, 360);
	assert_int_equal(on_demand.probes, 0);
}

// Item 12: at worst interval + 5 x retry after the peer died.
static void worst_case_detection(void **state)
{
	(void)state;
	for (tick_t dies = 0; dies < 10 * S; dies += 37) {
		struct world w = world_make(true, 10 * S, 2 * S);
		tick_t died;

		start(&w);
		pass(&w, 10 * S);
		ack(&w);
		pass(&w, dies);
		// The last thing it does is a hello.
		life(&w);
		take(&w, dpd_hello(&w.dpd, &w.config, &w.facts));
		died = w.facts.now;
		pass(&w, 30 * S);
		assert_int_equal(w.deaths, 1);
		assert_true(tick_diff(w.death, died) <= (int32_t)(20 * S));
	}
}

// Items 16, 17, 19: on-demand sends nothing without a doubt, and probes at one.
static void on_demand_asks_only_on_doubt(void **state)
{
	struct world w = world_make(false, 10 * S, 2 * S);

	(void)state;
	start(&w);
	assert_false(w.last.arm); // an idle on-demand peer has no timer
	pass(&w, 3600 * S);
	assert_int_equal(w.probes, 0);
	take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 1);
	pass(&w, 10 * S);
	assert_int_equal(w.deaths, 1);
	assert_int_equal(w.death - w.first_probe, 10 * S);
}

static void doubt_with_fresh_life_is_nothing(void **state)
{
	struct world w = world_make(false, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 100 * S);
	life(&w);
	pass(&w, 10 * S - 1);
	take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 0);
	pass(&w, 1);
	take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 1);
}

// Retries go on even if the traffic stops, and a second doubt changes nothing.
static void doubts_within_a_run(void **state)
{
	struct world w = world_make(false, 10 * S, 2 * S);

	(void)state;
	start(&w);
	take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	for (unsigned i = 0; i < 9; i++) {
		pass(&w, S);
		take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	}
	pass(&w, S);
	assert_int_equal(w.probes, 5);
	assert_int_equal(w.death - w.first_probe, 10 * S);
}

// ESP within the run is read at the deadline: no loss, no death.
static void esp_within_run_revives(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 19 * S + 50); // four losses, the fifth window runs
	assert_int_equal(w.losses, 4);
	life(&w);
	pass(&w, 60);
	assert_int_equal(w.deaths, 0);
	assert_int_equal(w.dpd.losses, 0);
	assert_int_equal(w.dpd.state == DPD_CALM || w.dpd.state == DPD_AGGRESSIVE, true);
}

static void life_before_the_run_is_no_life(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S - 1);
	life(&w);
	pass(&w, 1 + 10 * S);
	assert_int_equal(w.deaths, 1);
}

// A loss counts only if we could have heard; at most three times in a row.
static void lost_input_defers_the_verdict(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	for (unsigned i = 0; i < 3; i++) {
		w.facts.input_losses++;
		pass(&w, 2 * S);
	}
	assert_int_equal(w.losses, 0);
	assert_int_equal(w.deferred, 3);
	w.facts.input_losses++;
	pass(&w, 2 * S);
	assert_int_equal(w.losses, 1);
	pass(&w, 8 * S);
	assert_int_equal(w.deaths, 1);
	assert_int_equal(w.probes, 8);
}

// What another way in has lost is another number, even if it is the same by chance.
static void way_in_changes(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 11 * S);
	w.facts.input_way = 7;
	pass(&w, S);
	assert_int_equal(w.losses, 0);
	assert_int_equal(w.deferred, 1);
	pass(&w, 10 * S);
	assert_int_equal(w.deferred, 1);
	assert_int_equal(w.deaths, 1);
}

// A machine that stood still: the window is repeated, nothing is counted, however often.
static void paused_machine_counts_nothing(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	for (unsigned i = 0; i < 8; i++) {
		pass(&w, S);
		w.facts.restarted = w.facts.now;
		pass(&w, S);
	}
	assert_int_equal(w.losses, 0);
	assert_int_equal(w.deaths, 0);
	pass(&w, 10 * S);
	assert_int_equal(w.deaths, 1);
}

// A probe that goes out in the very turn that was late is asked after the pause, and counts.
static void probe_of_the_late_turn(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	w.facts.now += 12 * S;
	w.facts.heard_until = w.facts.restarted = w.facts.now;
	take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 1);
	pass(&w, 2 * S);
	assert_int_equal(w.losses, 1);
	pass(&w, 8 * S);
	assert_int_equal(w.deaths, 1);
}

// One message for all that were missed, and the next where it would have been: a million peers that
// were spread over the interval must not come in step.
static void pause_keeps_the_schedule(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);
	tick_t up = w.facts.now;

	(void)state;
	start(&w);
	w.facts.now += 37 * S; // one was due after 10 seconds, two more were missed
	w.facts.heard_until = w.facts.restarted = w.facts.now;
	take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 1);
	pass(&w, 1);
	ack(&w);
	assert_int_equal(w.last.at, up + 40 * S);
	pass(&w, 3 * S);
	assert_int_equal(w.probes, 2);
	ack(&w);
	pass(&w, 10 * S);
	assert_int_equal(w.probes, 3);
	assert_int_equal(w.sent[2], up + 50 * S);
	assert_int_equal(w.losses, 0);
}

// Input that arrived before the deadline is consumed before the deadline is judged.
static void unread_input_holds_the_verdict(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	for (tick_t i = 0; i < 3 * S; i++) {
		w.facts.now++;
		if (w.last.at == w.facts.now) // heard_until stays behind
			take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	}
	assert_int_equal(w.losses, 0);
	ack(&w); // it was in the queue
	assert_int_equal(w.dpd.state, DPD_CALM);
	pass(&w, 5 * S);
	assert_int_equal(w.losses, 0);
}

// A worker that stands still for longer: of a window in which nothing of it was heard nothing is
// concluded, but not for ever.
static void deaf_windows_are_repeated(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	for (tick_t i = 0; i < 12 * S; i++) {
		w.facts.now++;
		if (tick_diff(w.last.at, w.facts.now) <= 0) // heard_until stays behind
			take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	}
	assert_int_equal(w.losses, 1); // the first, whose beginning was heard
	assert_in_range(w.deferred, 1, 3);
	for (tick_t i = 0; i < 120 * S && !w.deaths; i++) {
		w.facts.now++;
		if (tick_diff(w.last.at, w.facts.now) <= 0)
			take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	}
	assert_int_equal(w.deaths, 1);
}

// Windows that are judged late do not add up: death is 5 x retry after the first message.
static void lateness_does_not_accumulate(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	start(&w);
	for (tick_t i = 0; i < 25 * S; i++) {
		w.facts.now++;
		w.facts.heard_until = w.facts.now;
		if (w.last.arm && tick_diff(w.facts.now, w.last.at) >= 3)
			take(&w, dpd_expired(&w.dpd, &w.config, &w.facts));
	}
	assert_int_equal(w.deaths, 1);
	assert_true(w.death - w.first_probe <= 10 * S + 3);
}

// Item 10: without the command nothing is ever sent.
static void not_configured_sends_nothing(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);

	(void)state;
	w.config.enabled = false;
	start(&w);
	assert_false(w.last.arm);
	take(&w, dpd_doubt(&w.dpd, &w.config, &w.facts));
	take(&w, dpd_hello(&w.dpd, &w.config, &w.facts));
	take(&w, dpd_alive(&w.dpd, &w.config, &w.facts));
	assert_int_equal(w.probes, 0);
	assert_false(w.last.arm);
}

// A probe that did not leave proves nothing: it is sent again soon, and no loss is counted, however
// long that goes on.
static void unsent_is_no_loss(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);
	tick_t probe;

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	assert_int_equal(w.probes, 1);
	probe = w.facts.now;
	for (unsigned i = 0; i < 200; i++) {
		take(&w, dpd_unsent(&w.dpd, &w.facts));
		assert_int_equal(w.last.at, w.facts.now + DPD_UNSENT_WAIT);
		pass(&w, DPD_UNSENT_WAIT);
		assert_int_equal(w.probes, i + 2);
	}
	assert_int_equal(w.losses, 0);
	assert_int_equal(w.facts.now, probe + 200 * DPD_UNSENT_WAIT);
	// From the first that left the schedule is the usual one.
	pass(&w, 10 * S - 1);
	assert_int_equal(w.deaths, 0);
	pass(&w, 1);
	assert_int_equal(w.deaths, 1);
	assert_int_equal(w.losses, 5);
}

// No route leads to the peer: asked four times a window, and dead on schedule if none comes back.
// From the probe that finds one the window is a whole one.
static void no_route_may_come_back(void **state)
{
	struct world w = world_make(true, 10 * S, 2 * S);
	unsigned probes = 0;
	tick_t first;

	(void)state;
	start(&w);
	pass(&w, 10 * S);
	first = w.facts.now;
	while (w.deaths == 0) {
		if (w.probes != probes)
			take(&w, dpd_no_route(&w.dpd, &w.config, &w.facts));
		probes = w.probes;
		pass(&w, 1);
	}
	assert_int_equal(w.facts.now, first + 10 * S);
	assert_int_equal(w.losses, 5);
	assert_int_equal(w.probes, 5 * DPD_NO_ROUTE_TRIES);

	w = world_make(true, 10 * S, 2 * S);
	start(&w);
	pass(&w, 10 * S);
	for (unsigned i = 0; i < DPD_NO_ROUTE_TRIES - 1; i++) {
		take(&w, dpd_no_route(&w.dpd, &w.config, &w.facts));
		pass(&w, S / 2);
	}
	assert_int_equal(w.probes, DPD_NO_ROUTE_TRIES); // the last one leaves
	assert_int_equal(w.losses, 0);
	pass(&w, 2 * S - 1);
	assert_int_equal(w.losses, 0);
	pass(&w, 1);
	assert_int_equal(w.losses, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periodic_probes_on_schedule),
		cmocka_unit_test(hello_suppresses_ours),
		cmocka_unit_test(traffic_does_not_suppress_periodic),
		cmocka_unit_test(death_on_schedule),
		cmocka_unit_test(unsent_is_no_loss),
		cmocka_unit_test(no_route_may_come_back),
		cmocka_unit_test(retry_of_ten_seconds),
		cmocka_unit_test(cost_of_the_modes),
		cmocka_unit_test(worst_case_detection),
		cmocka_unit_test(on_demand_asks_only_on_doubt),
		cmocka_unit_test(doubt_with_fresh_life_is_nothing),
		cmocka_unit_test(doubts_within_a_run),
		cmocka_unit_test(esp_within_run_revives),
		cmocka_unit_test(life_before_the_run_is_no_life),
		cmocka_unit_test(lost_input_defers_the_verdict),
		cmocka_unit_test(way_in_changes),
		cmocka_unit_test(paused_machine_counts_nothing),
		cmocka_unit_test(probe_of_the_late_turn),
		cmocka_unit_test(pause_keeps_the_schedule),
		cmocka_unit_test(unread_input_holds_the_verdict),
		cmocka_unit_test(deaf_windows_are_repeated),
		cmocka_unit_test(lateness_does_not_accumulate),
		cmocka_unit_test(not_configured_sends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
