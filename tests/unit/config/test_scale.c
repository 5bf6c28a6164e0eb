// Configurations with very many entries: they load, come back as they were, and what is done with
// them grows with their size and not with its square. Copies share lists until one changes them.
#include "config_test.h"

#include <time.h>

#include "shapes.h"

#define SMALL 2000u
#define LARGE (10 * SMALL)

static struct config *load_shape(enum shape shape, uint32_t n)
{
	struct text t = {0};
	struct config *c;

	shape_write(shape, n, &t);
	assert_false(t.failed);
	c = load(t.data);
	text_fini(&t);
	return c;
}

// Not assert_round_trip(): its texts would be compared as strings of many megabytes twice.
static void comes_back(enum shape shape, uint32_t n)
{
	struct config *c = load_shape(shape, n), *again;
	struct text t = {0};

	assert_int_equal(render_config(c, &t), 0);
	again = load(t.data);
	assert_true(config_equal(c, again));
	text_fini(&t);
	config_free(again);
	config_free(c);
}

static void round_trips(void **state)
{
	(void)state;
	comes_back(SHAPE_PEERS, 100000);
	comes_back(SHAPE_LINES, 100000);
	comes_back(SHAPE_KEYS, 100000);
	comes_back(SHAPE_ONE_PEER, 10000);
	comes_back(SHAPE_ANY, 10000);
	comes_back(SHAPE_PEERS6, 10000);
}

static void sizes_are_right(void **state)
{
	struct config *c = load_shape(SHAPE_PEERS6, 60000);
	uint32_t n;

	(void)state;
	assert_int_equal(c->n_map_entries, 60000);
	assert_int_equal(c->n_keys, 60000);
	assert_int_equal(c->n_acls, 60000);
	assert_non_null(config_map_entries(c, "big1", &n));
	assert_int_equal(n, 60000 - SHAPES_MAP);
	for (uint32_t i = 0; i < c->n_map_entries; i += 977)
		assert_null(config_map_entry_incomplete(c, &c->map_entries[i]));
	config_free(c);
}

// A list of 100,000 lines, of which each is looked for twice.
static void pasted_twice(void **state)
{
	struct text t = {0};
	struct config *once, *twice;

	(void)state;
	shape_write(SHAPE_LINES, 100000, &t);
	once = load(t.data);
	shape_write(SHAPE_LINES, 100000, &t);
	twice = load(t.data);
	assert_int_equal(twice->acls[0].n_lines, 100000);
	assert_true(config_equal(once, twice));
	text_fini(&t);
	config_free(twice);
	config_free(once);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// All that is done with a configuration, in processor time.
static double work(const struct text *t)
{
	double start = cpu_seconds();
	struct config *c = load(t->data), *next = config_clone(c);
	struct text out = {0};
	struct config_cursor cur;
	struct diff_list d;

	cursor_init(&cur);
	assert_non_null(next);
	assert_int_equal(enter(next, &cur, "no crypto map big0 1"), 0);
	assert_int_equal(enter(next, &cur, "no ip access-list extended net0"), 0);
	assert_int_equal(diff_configs(c, next, &d), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.n_touched, 0);
	assert_int_equal(render_config(next, &out), 0);
	diff_fini(&d);
	text_fini(&out);
	config_free(next);
	config_free(c);
	return cpu_seconds() - start;
}

static double least_work(enum shape shape, uint32_t n)
{
	struct text t = {0};
	double least = 0;

	shape_write(shape, n, &t);
	for (unsigned i = 0; i < 3; i++) {
		double seconds = work(&t);

		if (!i || seconds < least)
			least = seconds;
	}
	text_fini(&t);
	return least;
}

// Ten times the entries: n log n needs 13 times as long, n squared 100 times.
static void costs_grow_with_the_size(void **state)
{
	static const enum shape shapes[] = {SHAPE_PEERS, SHAPE_ONE_PEER, SHAPE_LINES};

	(void)state;
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		double small = least_work(shapes[i], SMALL), large = least_work(shapes[i], LARGE);

		if (large > 40 * small)
			fail_msg("%s: %f s for %u, %f s for %u", shape_name(shapes[i]), small,
			         SMALL, large, LARGE);
	}
}

// Lines of every family of commands, each on a copy: none may reach what the copy was made from.
static void copies_are_apart(void **state)
{
	static const char *const lines[] = {
		"crypto isakmp key other address 100.64.0.1",
		"no crypto isakmp key secret3 address 100.64.0.4",
		"crypto isakmp policy 10\nlifetime 120",
		"crypto ipsec transform-set big esp-aes 256 esp-sha-hmac",
		"crypto ipsec transform-set big esp-aes esp-sha256-hmac\nmode transport",
		"crypto map big0 1\nset peer 203.0.113.9",
		"crypto map big0 1\nno set peer 100.64.0.1",
		"crypto map big0 1\nset transform-set more",
		"crypto map big0 1\ndescription x",
		"crypto map big0 1\nset pfs group14",
		"crypto map big0 1\nset security-association dummy pps 5",
		"no crypto map big0",
		"crypto map hand 1 ipsec-manual\nset session-key inbound esp 300 cipher 00 "
		"authenticator 11",
		"crypto map big0 8\nmatch address net2",
		"ip access-list extended net1\ndeny ip any any",
		"ip access-list extended net1\nno 10",
		"ip access-list extended net1\nremark x",
		"no ip access-list extended net2",
		"access-list 101 permit ip any any",
		"interface FastEthernet0\nip address 198.51.7.1 255.255.255.0",
		"interface FastEthernet0\nip mtu 1400",
		"interface FastEthernet0\ncrypto ipsec df-bit clear",
		"interface FastEthernet0\nipv6 address 2001:db8::1/64",
		"interface FastEthernet0\nno crypto map",
		"no interface FastEthernet1",
		"ip route 0.0.0.0 0.0.0.0 198.51.0.2 7",
		"no ip route 0.0.0.0 0.0.0.0 198.51.0.2",
		"ipv6 route ::/0 2001:db8::2",
	};
	struct config *c = load_shape(SHAPE_PEERS, 10);
	char *before = render(c), *after;

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct config *copy = config_clone(c);
		struct config_cursor cur;
		char text[256], *save = NULL;
		int err = 0;

		cursor_init(&cur);
		snprintf(text, sizeof(text), "%s", lines[i]);
		for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			err = err ? err : enter(copy, &cur, l);
		if (err || config_equal(c, copy))
			fail_msg("no effect: %s", lines[i]);
		after = render(c);
		assert_string_equal(before, after);
		free(after);
		config_free(copy);
	}
	free(before);
	config_free(c);
}

// The first owner may go before the second.
static void copies_outlive(void **state)
{
	struct config *c = load_shape(SHAPE_PEERS, 100), *one = config_clone(c),
		      *two = config_clone(one);
	struct config_cursor cur;

	(void)state;
	assert_ptr_equal(c->keys, two->keys);
	config_free(c);
	cursor_init(&cur);
	assert_int_equal(enter(two, &cur, "no crypto isakmp key secret3 address 100.64.0.4"), 0);
	assert_int_equal(one->n_keys, 100);
	assert_int_equal(two->n_keys, 99);
	assert_ptr_equal(one->map_entries, two->map_entries);
	config_free(one);
	// Alone now: changed in place.
	assert_int_equal(enter(two, &cur, "no crypto map big0 5"), 0);
	assert_int_equal(two->n_map_entries, 99);
	assert_round_trip(two);
	config_free(two);
}

// Entries that stay the same and use something that does not.
static void touched_entries_are_named(void **state)
{
	struct config *c = load_shape(SHAPE_PEERS, 50), *next = config_clone(c);
	struct config_cursor cur;
	struct diff_list d;

	(void)state;
	cursor_init(&cur);
	assert_int_equal(enter(next, &cur, "ip access-list extended net7"), 0);
	assert_int_equal(enter(next, &cur, "deny ip any any"), 0);
	assert_int_equal(enter(next, &cur, "no ip access-list extended net9"), 0);
	assert_int_equal(enter(next, &cur, "ip access-list extended net11"), 0);
	assert_int_equal(enter(next, &cur, "no 10"), 0);
	assert_int_equal(enter(next, &cur, "no crypto map big0 3"), 0);
	assert_int_equal(enter(next, &cur, "crypto map big0 12"), 0); // uses net11
	assert_int_equal(enter(next, &cur, "set pfs group14"), 0);
	assert_int_equal(diff_configs(c, next, &d), 0);
	assert_int_equal(d.n_touched, 2); // the third has changed itself
	assert_string_equal(next->map_entries[d.touched[0]].acl, "net7");
	assert_string_equal(next->map_entries[d.touched[1]].acl, "net9");
	assert_int_equal(d.n_lines, 2); // one that is new and one that has gone
	assert_string_equal(next->acls[d.lines[0].acl].name, "net11");
	assert_int_equal(d.lines[0].seq, 10);
	assert_string_equal(next->acls[d.lines[1].acl].name, "net7");
	assert_int_equal(d.lines[1].seq, 20);
	diff_fini(&d);
	assert_int_equal(
		enter(next, &cur, "crypto ipsec transform-set big esp-aes 256 esp-sha-hmac"), 0);
	assert_int_equal(diff_configs(c, next, &d), 0);
	assert_int_equal(d.n_touched, next->n_map_entries - 1);
	diff_fini(&d);
	config_free(next);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(sizes_are_right),
		cmocka_unit_test(pasted_twice),
		cmocka_unit_test(costs_grow_with_the_size),
		cmocka_unit_test(copies_are_apart),
		cmocka_unit_test(copies_outlive),
		cmocka_unit_test(touched_entries_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
