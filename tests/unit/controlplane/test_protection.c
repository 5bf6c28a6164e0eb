// What is to be encrypted never leaves in clear, at no step of the control core while the
// configuration comes or changes: a rule covers it, or its interface is held.
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
#include "cursor.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "flow.h"
#include "load.h"
#include "neighbour.h"
#include "peer.h"

static const char text[] = "hostname gw\n"
			   "platform\n"
			   " port FastEthernet0 net_null0\n"
			   "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
			   "crypto ipsec transform-set ts esp-gcm\n"
			   "crypto map m 1 ipsec-isakmp\n"
			   " set peer 192.0.2.11\n"
			   " set transform-set ts\n"
			   " match address 101\n"
			   "interface FastEthernet0\n"
			   " ip address 192.0.2.1 255.255.255.0\n"
			   " crypto map m\n"
			   "access-list 101 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255\n";

static struct control control;
static unsigned leaks, looks, errors;

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)line;
	errors += level <= LOG_ERROR;
}

static bool is_covered(const struct dp *dp, uint16_t iface)
{
	struct ip_prefix net = {.addr = addr_v4(0x0a020000), .len = 16};

	for (unsigned i = 0; i < FAKE_POLICY; i++) {
		const struct dp_policy_rule *r = &dp->policies[i].rule;

		if (dp->policies[i].used && r->permit && r->iface == iface && !r->proto &&
		    prefix_equal(&r->remote, &net))
			return true;
	}
	return false;
}

// Every interface that is up and has a crypto map has this one.
static void look(const struct dp *dp)
{
	looks++;
	for (uint16_t i = 0; i < DP_IFACES_MAX; i++)
		if (dp->ifaces[i].up && dp->ifaces[i].crypto_map && !dp->hold[i])
			leaks += !is_covered(dp, i);
}

static int start(void **state)
{
	struct control *c = &control;
	struct diag_list diags;
	int err;

	(void)state;
	memset(c, 0, sizeof(*c));
	fake_ike_reset();
	leaks = looks = errors = 0;
	fake_now = 1000;
	c->log = (struct log){.sink = sink};
	err = load_text("test", text, strlen(text), &c->config, &diags);
	diag_fini(&diags);
	c->dp = fake_dp_create();
	c->dp->watch = look;
	c->now = c->heard_until = fake_now;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	return err < 0 ? err : apply_start(c);
}

static int stop(void **state)
{
	struct control *c = &control;
	bool empty;

	(void)state;
	c->stopping = true;
	apply_stop(c); // the workers still run
	empty = fake_dp_is_empty(c->dp) && !leaks;
	c->dp->watch = NULL;
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
	return empty ? 0 : -1;
}

static void enter(struct config *config, struct config_cursor *cur, const char *line)
{
	struct diag_list diags;

	diag_init(&diags, NULL);
	assert_int_equal(cursor_enter(config, cur, line, 0, &diags), 0);
	diag_fini(&diags);
}

// Returns the most that one step has changed.
static unsigned apply(struct config *next)
{
	struct diff_list changes;
	struct config *old;
	unsigned most = 0, before;
	bool more = true;

	assert_int_equal(diff_configs(control.config, next, &changes), 0);
	old = apply_begin(&control, next, &changes);
	while (more) {
		before = looks;
		more = apply_step(&control);
		most = looks - before > most ? looks - before : most;
	}
	config_free(old);
	diff_fini(&changes);
	return most;
}

static void from_the_start(void **state)
{
	(void)state;
	assert_true(looks > 0);
	assert_int_equal(leaks, 0);
	assert_true(is_covered(control.dp, 0));
	assert_false(control.dp->hold[0]);
}

static void while_it_gets_another_address(void **state)
{
	static const char *const lines[] = {"interface FastEthernet0",
	                                    "ip address 192.0.2.2 255.255.255.0", NULL};
	unsigned before = looks;

	(void)state;
	fake_change(&control, lines);
	assert_true(looks > before);
	assert_int_equal(leaks, 0);
	assert_false(control.dp->hold[0]);
	assert_int_equal(control.entries->locals[0].bytes[3], 2);
}

static unsigned lengths_held, lengths_open;
static uint8_t length;

static void look_at_length(const struct dp *dp)
{
	if (dp->ifaces[0].network.len == length)
		return;
	length = dp->ifaces[0].network.len;
	lengths_held += dp->hold[0];
	lengths_open += !dp->hold[0];
}

// What was behind the interface may lie behind another one then.
static void while_it_gets_another_mask(void **state)
{
	static const char *const lines[] = {"interface FastEthernet0",
	                                    "ip address 192.0.2.1 255.255.255.128", NULL};

	(void)state;
	length = control.dp->ifaces[0].network.len;
	lengths_held = lengths_open = 0;
	control.dp->watch = look_at_length;
	fake_change(&control, lines);
	assert_int_equal(length, 25);
	assert_int_equal(lengths_held, 1);
	assert_int_equal(lengths_open, 0);
	assert_false(control.dp->hold[0]);
}

#define MANY 30 // subinterfaces, more than there may be ports with the numbers before them

static void global_rules_reach_all_interfaces(void **state)
{
	static const char *const df[] = {"crypto ipsec df-bit set", NULL};
	char names[MANY][32], vlans[MANY][32];
	const char *lines[3 * MANY + 1];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "interface FastEthernet0.%u", 10 + i);
		snprintf(vlans[i], sizeof(vlans[i]), "encapsulation dot1Q %u", 10 + i);
		lines[3 * i] = names[i];
		lines[3 * i + 1] = vlans[i];
		lines[3 * i + 2] = "no shutdown";
	}
	lines[3 * MANY] = NULL;
	fake_change(&control, lines);
	assert_true(control.n_ports > DP_PORTS_MAX);
	fake_change(&control, df);
	for (unsigned i = 8; i < control.n_ports; i++)
		assert_int_equal(control.dp->ifaces[i].df, DP_DF_SET);
}

// The line's own rule is taken away for a moment.
static void while_its_line_is_replaced(void **state)
{
	static const char *const lines[] = {
		"ip access-list extended 101", "no 10",
		"10 permit ip 10.0.0.0 0.255.255.255 10.2.0.0 0.0.255.255", NULL};

	(void)state;
	fake_change(&control, lines);
	assert_int_equal(leaks, 0);
	assert_true(is_covered(control.dp, 0));
	assert_false(control.dp->hold[0]);
}

// An entry that lacks something builds no tunnel, but its list still says what must not leave in
// clear.
static void while_its_entry_is_incomplete(void **state)
{
	static const char *const cases[][4] = {
		{"no crypto ipsec transform-set ts", NULL},
		{"crypto map m 1 ipsec-isakmp", "no set peer 192.0.2.11", NULL},
		{"crypto map m 1 ipsec-isakmp", "no set transform-set ts", NULL},
	};
	static const char *const mended[] = {"crypto ipsec transform-set ts esp-gcm",
	                                     "crypto map m 1 ipsec-isakmp", "set peer 192.0.2.11",
	                                     "set transform-set ts", NULL};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_change(&control, cases[i]);
		assert_true(is_covered(control.dp, 0));
		assert_false(control.dp->hold[0]);
		assert_false(control.entries->complete);
		flow_acquire(&control, control.entries->flows);
		assert_int_equal(control.peers.used, 0);
		fake_change(&control, mended);
		assert_true(control.entries->complete);
	}
	assert_int_equal(leaks, 0);
}

// A line that finds no room: nothing is left to chance until all of them have.
static void while_there_is_no_room(void **state)
{
	static const char *const more[] = {"ip access-list extended 101",
	                                   "20 permit ip 10.1.0.0 0.0.255.255 10.3.0.0 0.0.255.255",
	                                   NULL};
	static const char *const other[] = {
		"ip access-list extended 101",
		"30 permit ip 10.1.0.0 0.0.255.255 10.4.0.0 0.0.255.255", NULL};

	(void)state;
	control.dp->no_tunnels = true;
	fake_change(&control, more);
	assert_true(control.dp->hold[0]);
	assert_int_equal(errors, 1);
	control.dp->no_tunnels = false;
	fake_change(&control, other);
	assert_false(control.dp->hold[0]);
	assert_int_equal(errors, 1);
	assert_int_equal(control.flows, 3);
	assert_int_equal(leaks, 0);
}

static void on_a_late_subinterface(void **state)
{
	static const char *const lines[] = {"interface FastEthernet0.10",
	                                    "encapsulation dot1Q 10",
	                                    "ip address 198.51.100.1 255.255.255.0",
	                                    "crypto map m",
	                                    "no shutdown",
	                                    NULL};

	(void)state;
	fake_change(&control, lines);
	assert_int_equal(control.n_ports, 9);
	assert_true(control.dp->ifaces[8].up && control.dp->ifaces[8].crypto_map);
	assert_true(is_covered(control.dp, 8));
	assert_false(control.dp->hold[8]);
	assert_int_equal(leaks, 0);
}

#define LONG 160 // lines

// Every fourth line denies, the last one is that of is_covered().
static struct config *with_long_list(const char *name)
{
	struct config *next = config_clone(control.config);
	struct config_cursor cur;
	char line[128];

	cursor_init(&cur);
	snprintf(line, sizeof(line), "ip access-list extended %s", name);
	enter(next, &cur, line);
	for (unsigned i = 0; i < LONG; i++) {
		snprintf(line, sizeof(line), "%u %s ip 10.1.0.0 0.0.255.255 10.%u.%u.0 0.0.0.255",
		         10 * i + 10, i % 4 ? "permit" : "deny", 16 + i / 256, i % 256);
		enter(next, &cur, line);
	}
	enter(next, &cur, "5000 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255");
	return next;
}

// More than fits in one turn: it is done in steps, and nothing leaks between them.
static void while_a_long_list_comes_and_goes(void **state)
{
	static const char *const match[] = {"crypto map m 1", "match address BIG", "exit", NULL};
	static const char *const another[] = {"crypto map m 1", "match address 101", "exit", NULL};
	static const char *const none[] = {"no crypto map m 1", NULL};
	struct config *with = with_long_list("BIG"), *changed;
	struct config_cursor cur;
	struct handle first;
	char line[128];

	(void)state;
	apply(with);
	cursor_init(&cur);
	changed = config_clone(control.config);
	for (unsigned i = 0; match[i]; i++)
		enter(changed, &cur, match[i]);
	assert_in_range(apply(changed), 1, 70);
	assert_int_equal(control.entries->n_denies, LONG / 4);
	assert_int_equal(control.entries->lines.n, LONG - LONG / 4 + 1);
	assert_int_equal(leaks, 0);

	// Half of its lines go: the others' rules stay as they are.
	first = control.entries->denies[0].policy;
	cursor_init(&cur);
	changed = config_clone(control.config);
	enter(changed, &cur, "ip access-list extended BIG");
	for (unsigned i = LONG / 2; i < LONG; i++) {
		snprintf(line, sizeof(line), "no %u", 10 * i + 10);
		enter(changed, &cur, line);
	}
	enter(changed, &cur, "3 deny ip 10.1.0.0 0.0.255.255 10.99.0.0 0.0.255.255");
	cursor_init(&cur);
	// Sets change as well, so that all lines are gone through.
	enter(changed, &cur, "crypto ipsec transform-set ts esp-gcm 256");
	assert_in_range(apply(changed), 1, 70);
	assert_int_equal(control.entries->n_denies, LONG / 8 + 1);
	assert_int_equal(control.entries->lines.n, LONG / 2 - LONG / 8 + 1);
	assert_true(handle_equal(control.entries->denies[0].policy, first));
	assert_int_equal(leaks, 0);

	fake_change(&control, another);
	assert_int_equal(control.entries->n_denies, 0);
	assert_int_equal(control.entries->lines.n, 1);
	fake_change(&control, match);
	assert_int_equal(leaks, 0);
	control.dp->watch = NULL;
	fake_change(&control, none);
	assert_null(control.entries);
	assert_int_equal(control.flows, 0);
	assert_false(control.dp->hold[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_the_start, start, stop),
		cmocka_unit_test_setup_teardown(while_it_gets_another_address, start, stop),
		cmocka_unit_test_setup_teardown(while_it_gets_another_mask, start, stop),
		cmocka_unit_test_setup_teardown(global_rules_reach_all_interfaces, start, stop),
		cmocka_unit_test_setup_teardown(while_its_line_is_replaced, start, stop),
		cmocka_unit_test_setup_teardown(while_its_entry_is_incomplete, start, stop),
		cmocka_unit_test_setup_teardown(while_there_is_no_room, start, stop),
		cmocka_unit_test_setup_teardown(on_a_late_subinterface, start, stop),
		cmocka_unit_test_setup_teardown(while_a_long_list_comes_and_goes, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
