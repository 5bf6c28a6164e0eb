// Which entry and line serve a proposal: lists and proposals by chance, against a plain walk over
// everything in order.
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
#include "bounds.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "fake_ike.h"
#include "flow.h"
#include "load.h"
#include "peer.h"

#define ROUNDS    40u
#define ENTRIES   30u // of one peer: too many to look at one by one
#define LINES     4u
#define DYNAMIC   15u // where the dynamic map stands
#define PROPOSALS 400u

static struct control control;
static char text[65536];
static size_t used;
static uint32_t state_of_rng;

static uint32_t below(uint32_t n)
{
	state_of_rng = state_of_rng * 1664525u + 1013904223u;
	return (state_of_rng >> 8) % n;
}

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += (size_t)vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	assert_true(used < sizeof(text));
}

static struct ip_prefix prefix(void)
{
	static const uint8_t lens[] = {8, 15, 16, 24, 32};
	struct ip_addr a = addr_v4(0x0a000000 | below(3) << 16 | below(2) << 8 | below(2));

	return prefix_make(&a, lens[below(5)]);
}

static void put_end(bool ports, bool deny)
{
	struct ip_prefix p = prefix();
	struct ip_addr w = prefix_wildcard(4, p.len);
	char a[ADDR_TEXT], b[ADDR_TEXT];

	put(" %s %s", addr_format(&p.addr, a), addr_format(&w, b));
	if (ports && below(3) == 0)
		put(" eq 80");
	else if (ports && deny && below(2))
		put(" range 79 81");
}

static void put_list(unsigned number)
{
	static const char *const protocols[] = {"ip", "ip", "tcp", "udp"};

	for (unsigned i = 0; i < LINES; i++) {
		const char *protocol = protocols[below(4)];
		bool deny = i + 1 < LINES && below(3) == 0, ports = strcmp(protocol, "ip") != 0;

		put("access-list %u %s %s", number, deny ? "deny" : "permit", protocol);
		put_end(ports, deny);
		put_end(ports, deny);
		put("\n");
	}
}

static void put_config(void)
{
	used = 0;
	put("hostname gw\nplatform\n port FastEthernet0 net_null0\n"
	    "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
	    "crypto ipsec transform-set ts esp-gcm\n"
	    "crypto dynamic-map dyn 10\n set transform-set ts\n match address 150\n"
	    "crypto dynamic-map dyn 20\n set transform-set ts\n set peer 192.0.2.11\n"
	    " match address 151\n");
	if (below(3) == 0)
		put("crypto dynamic-map dyn 30\n set transform-set ts\n set peer 192.0.2.11\n");
	put_list(150);
	put_list(151);
	for (unsigned i = 1; i <= ENTRIES; i++) {
		if (i == DYNAMIC) {
			put("crypto map m %u ipsec-isakmp dynamic dyn\n", i);
			continue;
		}
		put("crypto map m %u ipsec-isakmp\n set peer 192.0.2.%u\n set transform-set ts\n"
		    " match address %u\n",
		    i, below(8) ? 11 : 12, 100 + i);
		if (i % 7 == 0)
			put(" set peer 192.0.2.11\n");
		put_list(100 + i);
	}
	put("interface FastEthernet0\n ip address 192.0.2.1 255.255.255.0\n crypto map m\n");
}

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void start(void)
{
	struct control *c = &control;
	struct diag_list diags;

	memset(c, 0, sizeof(*c));
	fake_ike_reset();
	fake_now = 1000;
	c->log = (struct log){.sink = sink};
	load_text("test", text, strlen(text), &c->config, &diags);
	for (uint32_t i = 0; !c->config && i < diags.n; i++)
		print_message("%u: %s\n", diags.items[i].line, diags.items[i].message);
	assert_non_null(c->config);
	diag_fini(&diags);
	c->dp = fake_dp_create();
	c->now = c->heard_until = fake_now;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	assert_int_equal(apply_start(c), 0);
}

static void stop(void)
{
	struct control *c = &control;

	c->stopping = true;
	apply_stop(c);
	assert_int_equal(c->flow_shapes.n, 0);
	assert_true(fake_dp_is_empty(c->dp));
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
}

static bool port_fits(uint16_t port, uint16_t lo, uint16_t hi)
{
	return port ? port >= lo && port <= hi : lo == 0 && hi == UINT16_MAX;
}

static bool denied(const struct crypto_entry *e, uint32_t line, const struct selector *s)
{
	for (unsigned i = 0; i < e->n_denies; i++) {
		const struct dp_policy_rule *r = &e->denies[i].rule;

		if (r->line < line && prefix_covers(&r->local, &s->local) &&
		    prefix_covers(&r->remote, &s->remote) && (!r->proto || r->proto == s->proto) &&
		    port_fits(s->local_port, r->local_port_lo, r->local_port_hi) &&
		    port_fits(s->remote_port, r->remote_port_lo, r->remote_port_hi))
			return true;
	}
	return false;
}

// The first entry that allows it, in order, and its line; 0 without a list.
static struct crypto_entry *expected(const struct peer *p, const struct selector *s, uint32_t *line)
{
	struct crypto_entry *e;

	for (e = control.entries; e; e = e->next) {
		const struct flow *first = NULL;

		if (!flow_entry_lists(e, &p->local, &p->remote))
			continue;
		for (uint32_t i = 0; i < e->lines.n && !first; i++)
			if (selector_covers(&e->lines.items[i]->selector, s))
				first = e->lines.items[i];
		if (first && denied(e, first->line, s))
			first = NULL;
		*line = first ? first->line : 0;
		if (first || (e->any_traffic && s->remote.len))
			return e;
	}
	return NULL;
}

static void propose(struct peer *p, unsigned *found)
{
	static const uint8_t protocols[] = {0, 6, 17};
	struct selector s = {.local = prefix(), .remote = prefix(), .proto = protocols[below(3)]};
	struct crypto_entry *e;
	struct flow *f;
	uint32_t line;

	if (s.proto && below(2))
		s.local_port = below(2) ? 80 : 81;
	if (s.proto && below(2))
		s.remote_port = below(2) ? 80 : 81;
	e = expected(p, &s, &line);
	f = flow_for_proposal(&control, p, &s);
	assert_ptr_equal(f ? f->entry : NULL, e);
	if (!f)
		return;
	(*found)++;
	assert_int_equal(f->line, line);
	assert_true(selector_equal(&f->selector, &s));
	assert_ptr_equal(flow_for_proposal(&control, p, &s), f);
	flow_release(&control, f);
}

static void first_match(void **state)
{
	struct ip_addr local = addr_v4(0xc0000201);
	unsigned found = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		state_of_rng = round;
		put_config();
		start();
		for (unsigned who = 11; who <= 13; who++) {
			struct ip_addr remote = addr_v4(0xc0000200 + who);
			struct peer *p = peer_get(&control, &local, &remote, 500);

			for (unsigned i = 0; i < PROPOSALS; i++)
				propose(p, &found);
			peer_release(&control, p);
		}
		stop();
	}
	assert_in_range(found, ROUNDS * PROPOSALS / 10, ROUNDS * PROPOSALS * 3);
}

// A dynamic map that takes any peer and any traffic.
static void start_any(void)
{
	used = 0;
	put("hostname gw\nplatform\n port FastEthernet0 net_null0\n"
	    "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
	    "crypto ipsec transform-set ts esp-gcm\n"
	    "crypto dynamic-map dyn 10\n set transform-set ts\n"
	    "crypto map m 1 ipsec-isakmp dynamic dyn\n"
	    "interface FastEthernet0\n ip address 192.0.2.1 255.255.255.0\n crypto map m\n");
	start();
}

// One peer does not use up the shapes of all; what it lets go it may have again.
static void shapes_of_one_peer(void **state)
{
	struct ip_addr local = addr_v4(0xc0000201), remote = addr_v4(0xc000020b),
		       remote2 = addr_v4(0xc000020c);
	struct flow *flows[PROPOSED_SHAPES_PER_PEER], *same, *f;
	struct selector s = {.local = prefix_make(&(struct ip_addr){.family = 4}, 0)};
	struct peer *one, *other;

	(void)state;
	start_any();
	one = peer_get(&control, &local, &remote, 500);
	other = peer_get(&control, &local, &remote2, 500);
	for (unsigned i = 0; i < PROPOSED_SHAPES_PER_PEER; i++) {
		s.remote = prefix_make(&remote, (uint8_t)(8 + i));
		flows[i] = flow_for_proposal(&control, one, &s);
		assert_non_null(flows[i]);
	}
	s.remote = prefix_make(&remote, 32);
	assert_null(flow_for_proposal(&control, one, &s));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(control.counters.shapes_refused, 1);
	f = flow_for_proposal(&control, other, &s);
	assert_non_null(f);
	// Another flow of a shape does not make it another's, nor its first one's end.
	s.remote = prefix_make(&(struct ip_addr){.family = 4, .bytes = {172, 16}}, 8);
	same = flow_for_proposal(&control, one, &s);
	assert_non_null(same);
	flow_release(&control, flows[0]);
	s.remote = prefix_make(&remote, 31);
	assert_null(flow_for_proposal(&control, one, &s));
	flow_release(&control, same);
	same = flow_for_proposal(&control, one, &s);
	assert_non_null(same);
	flow_release(&control, same);
	flow_release(&control, f);
	for (unsigned i = 1; i < PROPOSED_SHAPES_PER_PEER; i++)
		flow_release(&control, flows[i]);
	peer_release(&control, one);
	peer_release(&control, other);
	stop();
}

// Peers make workers look for no more shapes than are allowed to all of them.
static void shapes_are_bounded(void **state)
{
	struct ip_addr local = addr_v4(0xc0000201), remote = addr_v4(0xc000020b);
	struct selector s = {.local = prefix_make(&(struct ip_addr){.family = 4}, 0)};
	struct flow_shapes *proposed = &control.proposed_shapes[0];
	struct flow *first, *f;
	struct peer *p;

	(void)state;
	start_any();
	p = peer_get(&control, &local, &remote, 500);
	s.remote = prefix_make(&remote, 24);
	first = flow_for_proposal(&control, p, &s);
	assert_non_null(first);
	assert_int_equal(proposed->n, 1);
	// Others have proposed whatever else there is.
	proposed->items =
		reallocarray(proposed->items, PROPOSED_SHAPES_MAX + 1, sizeof(*proposed->items));
	proposed->room = PROPOSED_SHAPES_MAX + 1;
	for (; proposed->n < PROPOSED_SHAPES_MAX; proposed->n++)
		proposed->items[proposed->n] =
			(struct flow_shape){.bits = 0xff000000 + proposed->n, .flows = 1};
	s.remote = prefix_make(&remote, 25);
	assert_null(flow_for_proposal(&control, p, &s));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(control.counters.shapes_refused, 1);
	// One more of a shape that is there costs nothing.
	remote.bytes[1]++;
	s.remote = prefix_make(&remote, 24);
	f = flow_for_proposal(&control, p, &s);
	assert_non_null(f);
	flow_release(&control, f);
	proposed->n--;
	s.remote = prefix_make(&remote, 25);
	f = flow_for_proposal(&control, p, &s);
	assert_non_null(f);
	flow_release(&control, f);
	flow_release(&control, first);
	assert_int_equal(proposed->n, PROPOSED_SHAPES_MAX - 2);
	free(proposed->items);
	*proposed = (struct flow_shapes){0};
	peer_release(&control, p);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_match),
		cmocka_unit_test(shapes_are_bounded),
		cmocka_unit_test(shapes_of_one_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
