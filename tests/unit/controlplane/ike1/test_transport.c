// Transport mode negotiated between two gateways: who asks, who accepts, what becomes of traffic
// that is not their own, and a NAT between them (RFC 2407 4.5, RFC 3947 5).
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "flow.h"
#include "load.h"

#define NAT_ADDR "192.0.2.99"
#define ACL      "ip access-list extended 101\n permit "
#define HOSTS_A  ACL "ip host " ADDR_A " host " ADDR_B
#define HOSTS_B  ACL "ip host " ADDR_B " host " ADDR_A

#define TUNNEL    ""
#define TRANSPORT " mode transport"
#define REQUIRE   " mode transport require"

// The mode of both sides' SAs, which must be the same; -1: there are none.
static int mode_of(const struct pair *p)
{
	const struct child *a = side_child(&p->a), *b = side_child(&p->b);

	if (!a || !b)
		return -1;
	assert_int_equal(a->suite.mode, b->suite.mode);
	for (unsigned i = 0; i < FAKE_SAS; i++) {
		if (p->a.c.dp->sas[i].used)
			assert_int_equal(p->a.c.dp->sas[i].spec.mode, a->suite.mode);
		if (p->b.c.dp->sas[i].used)
			assert_int_equal(p->b.c.dp->sas[i].spec.mode, a->suite.mode);
	}
	return (int)a->suite.mode;
}

// A asks, B answers.
static int negotiate(const char *set_a, const char *set_b, const char *acl_a, const char *acl_b)
{
	struct pair_config a = {.rest = set_a, .acl = acl_a}, b = {.rest = set_b, .acl = acl_b};
	struct pair *p = pair_create(&a, &b);
	int mode;

	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_int_equal(side_packet(&p->a, NULL), side_reaches(&p->a, &p->b));
	mode = mode_of(p);
	pair_destroy(p);
	return mode;
}

// As IOS: a set in transport mode asks for it and accepts either, one in tunnel mode takes tunnels
// only, `require` takes nothing else.
static void between_the_gateways(void **state)
{
	static const struct {
		const char *a, *b;
		int mode;
	} cases[] = {
		{TUNNEL, TUNNEL, SA_MODE_TUNNEL},
		{TUNNEL, TRANSPORT, SA_MODE_TUNNEL},
		{TUNNEL, REQUIRE, -1},
		{TRANSPORT, TUNNEL, SA_MODE_TUNNEL},
		{TRANSPORT, TRANSPORT, SA_MODE_TRANSPORT},
		{TRANSPORT, REQUIRE, SA_MODE_TRANSPORT},
		{REQUIRE, TUNNEL, -1},
		{REQUIRE, TRANSPORT, SA_MODE_TRANSPORT},
		{REQUIRE, REQUIRE, SA_MODE_TRANSPORT},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(negotiate(cases[i].a, cases[i].b, HOSTS_A, HOSTS_B),
		                 cases[i].mode);
}

// Traffic of networks, and of hosts that are not the gateways, gets a tunnel.
static void other_traffic(void **state)
{
	static const char *const acls[][2] = {
		{NULL, NULL}, // two networks
		{ACL "ip host " ADDR_A " 10.2.0.0 0.0.0.255",
	         ACL "ip 10.2.0.0 0.0.0.255 host " ADDR_A},
		{ACL "ip host 10.1.0.1 host " ADDR_B, ACL "ip host " ADDR_B " host 10.1.0.1"},
		{ACL "ip host 10.1.0.1 host 10.2.0.1", ACL "ip host 10.2.0.1 host 10.1.0.1"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(acls) / sizeof(acls[0]); i++) {
		assert_int_equal(negotiate(TRANSPORT, TRANSPORT, acls[i][0], acls[i][1]),
		                 SA_MODE_TUNNEL);
		assert_int_equal(negotiate(REQUIRE, TRANSPORT, acls[i][0], acls[i][1]), -1);
		assert_int_equal(negotiate(TRANSPORT, REQUIRE, acls[i][0], acls[i][1]), -1);
	}
}

// One protocol of the two, as for GRE or for echoes; the peer's narrower proposal within a line.
static void narrow_traffic(void **state)
{
	(void)state;
	assert_int_equal(negotiate(TRANSPORT, TRANSPORT, ACL "gre host " ADDR_A " host " ADDR_B,
	                           ACL "gre host " ADDR_B " host " ADDR_A),
	                 SA_MODE_TRANSPORT);
	assert_int_equal(negotiate(REQUIRE, REQUIRE,
	                           ACL "udp host " ADDR_A " eq 1701 host " ADDR_B " eq 1701",
	                           HOSTS_B),
	                 SA_MODE_TRANSPORT);
	assert_int_equal(negotiate(REQUIRE, REQUIRE, HOSTS_A, ACL "ip any any"), SA_MODE_TRANSPORT);
}

static void says_why_not(void **state)
{
	struct pair_config a = {.rest = REQUIRE};
	struct pair *p = pair_create(&a, NULL);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_true(side_logged(&p->a, "require transport mode"));
	assert_int_equal(p->a.c.children.used, 0);
	pair_destroy(p);
}

// The mode stays when the SA is renewed, by either side, with PFS and extended sequence numbers.
static void renewal(void **state)
{
	struct pair_config a = {.rest = TRANSPORT "\ncrypto ipsec security-association esn",
	                        .acl = HOSTS_A,
	                        .entry = " set pfs group19"};
	struct pair_config b = a;
	struct pair *p;

	(void)state;
	b.acl = HOSTS_B;
	for (unsigned i = 0; i < 2; i++) {
		p = pair_create(&a, &b);
		pair_up(p);
		assert_true(side_child(&p->a)->suite.esn);
		for (unsigned minute = 0; minute < 70; minute++) { // the SAs live for an hour
			pair_pass(p, 60 * S);
			side_packet(i ? &p->b : &p->a, NULL);
		}
		assert_true(side_reaches(&p->a, &p->b));
		assert_int_equal(mode_of(p), SA_MODE_TRANSPORT);
		assert_true(side_child(&p->a)->suite.esn);
		pair_destroy(p);
	}
}

// ---- behind a NAT ----------------------------------------------------------------------------

// A is behind a NAT.
static unsigned network_nat(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	addr_parse(from_a ? NAT_ADDR : ADDR_A, from_a ? &d->src : &d->dst);
	return 1;
}

static struct pair *pair_nat(const char *set)
{
	struct pair_config a = {.rest = set, .acl = HOSTS_A};
	struct pair_config b = {.rest = set,
	                        .acl = ACL "ip host " ADDR_B " host " NAT_ADDR,
	                        .entry = " set peer " NAT_ADDR};
	struct pair *p = pair_create(&a, &b);

	p->b.remote = NAT_ADDR;
	p->network = network_nat;
	return p;
}

// A names its own address, B goes by the one that it sees.
static void behind_nat(void **state)
{
	struct pair *p = pair_nat(TRANSPORT);
	struct fake_sa *sa = NULL;
	char text[PREFIX_TEXT];

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_true(side_packet(&p->a, &sa));
	assert_int_equal(sa->spec.mode, SA_MODE_TRANSPORT);
	assert_int_equal(sa->spec.encap, SA_ENCAP_UDP);
	assert_int_equal(mode_of(p), SA_MODE_TRANSPORT);
	assert_string_equal(prefix_format(&side_child(&p->a)->flow->selector.local, text),
	                    ADDR_A "/32");
	assert_string_equal(prefix_format(&side_child(&p->b)->flow->selector.remote, text),
	                    NAT_ADDR "/32");
	pair_destroy(p);
}

// The other side begins: B names the NAT's address, and A finds its own line for it.
static void towards_nat(void **state)
{
	struct pair *p = pair_nat(TRANSPORT);

	(void)state;
	side_packet(&p->a, NULL); // phase 1 comes from behind the NAT
	pair_pass(p, 2 * S);
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_pass(p, S);
	assert_null(side_child(&p->b));
	fake_dp_packet(p->b.c.dp, fake_dp_tunnel(p->b.c.dp), NULL);
	pair_pass(p, 2 * S);
	assert_non_null(side_child(&p->b));
	assert_true(side_child(&p->b)->initiator);
	assert_int_equal(mode_of(p), SA_MODE_TRANSPORT);
	pair_destroy(p);
}

// A tunnel's networks are what they are; no address is put in their place.
static void tunnels_are_not_rewritten(void **state)
{
	struct pair *p = pair_nat(TUNNEL);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_false(side_packet(&p->a, NULL));
	assert_true(side_logged(&p->b, "no crypto map entry permits its networks"));
	assert_int_equal(p->b.c.children.used, 0);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(between_the_gateways),
		cmocka_unit_test(other_traffic),
		cmocka_unit_test(narrow_traffic),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(renewal),
		cmocka_unit_test(behind_nat),
		cmocka_unit_test(towards_nat),
		cmocka_unit_test(tunnels_are_not_rewritten),
	};

	return cmocka_run_group_tests_name("ike1_transport", tests, NULL, NULL);
}
