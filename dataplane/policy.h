// Which packets are protected, exactly as IOS's crypto maps say. [C] writes, [W] reads without
// locks.
//
// The rules of an interface are tried in the order {sequence, line, instance}. Permit: the rule's
// tunnel. Deny: on to the next sequence number. None left: clear.
//
// Every answer is that of the whole set of rules as it stood at one moment between the start of the
// call and its end: a change of one rule is there at once or not at all, and a reader never waits
// and never tries again. So the control plane may replace a rule by adding the new one and deleting
// the old one, and nothing leaks in between. For the structure see policy_rules.h.
#ifndef VIGIL_DATAPLANE_POLICY_H
#define VIGIL_DATAPLANE_POLICY_H

#include <netinet/in.h>
#include <rte_branch_prediction.h>
#include <rte_rcu_qsbr.h>

#include "dp.h"

struct policy;
struct flow_cache;

#define POLICY_BURST 64u // keys of one policy_find_burst(), at most

enum policy_ports {
	POLICY_PORTS_NONE,    // a protocol without ports: only rules with any ports match
	POLICY_PORTS_KNOWN,   //
	POLICY_PORTS_UNKNOWN, // a later fragment, or cut short
};

// A packet, from this gateway's side: what leaves has its source as `local`, what arrives its
// destination. Ports are 0 unless they are known. Both keys are compared as words: no padding.
struct policy_key {
	uint32_t local, remote;           // network order
	uint16_t local_port, remote_port; // host order
	uint8_t proto;
	uint8_t ports; // enum policy_ports
	uint16_t iface;
} __attribute__((aligned(8)));

struct policy_key6 {
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port; // host order
	uint8_t proto;
	uint8_t ports; // enum policy_ports
	uint16_t iface;
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct policy_key) == 16 && sizeof(struct policy_key6) == 40, "no padding");

enum policy_verdict {
	POLICY_CLEAR,
	POLICY_PROTECT,  // with the tunnel
	POLICY_CHANGING, // drop: the rules are held, and none decides
	POLICY_FRAGMENT, // drop: the first rule that fits depends on ports that are not there
};

struct policy_answer {
	struct handle tunnel; // with POLICY_PROTECT; else null
	enum policy_verdict verdict;
};

// At most `max_ifaces` interfaces and about `max_rules` rules. Readers register with `qsbr`. NULL
// and errno.
struct policy *policy_create(uint16_t max_ifaces, uint32_t max_rules, struct rte_rcu_qsbr *qsbr);
// No reader may be left.
void policy_destroy(struct policy *p);

// 0, -EINVAL (interface, families, ranges), -ENOMEM.
int policy_add(struct policy *p, const struct dp_policy_rule *rule, struct handle *policy);
// A stale handle is skipped.
void policy_del(struct policy *p, struct handle policy);
// How many there are, and what one of IPv4 takes that shares its addresses with no other: itself,
// its entry and its node, in bytes.
uint32_t policy_rules(const struct policy *p);
#define POLICY_RULE_BYTES 168
// While an interface is held, a packet that no rule decides is CHANGING instead of CLEAR.
void policy_hold(struct policy *p, uint16_t iface, bool hold);

// [W] How often the rules of any interface have changed. An answer that is found afterwards is of
// the rules after these changes, or later ones.
uint32_t policy_changes(const struct policy *p);
// [W] The answers for a burst, n <= POLICY_BURST, through the worker's own cache.
void policy_find_burst(const struct policy *p, struct flow_cache *cache,
                       const struct policy_key *keys, unsigned n, struct policy_answer *answers);
void policy_find6_burst(const struct policy *p, struct flow_cache *cache,
                        const struct policy_key6 *keys, unsigned n, struct policy_answer *answers);
// [W] For one packet, without a cache.
struct policy_answer policy_find(const struct policy *p, const struct policy_key *key);
struct policy_answer policy_find6(const struct policy *p, const struct policy_key6 *key);

// Has an IP protocol port numbers where TCP has them?
static inline bool policy_proto_has_ports(uint8_t proto)
{
	// Two comparisons that are foreseen cost less than a look into a set of bits.
	if (likely(proto == IPPROTO_UDP || proto == IPPROTO_TCP))
		return true;
	return proto == IPPROTO_DCCP || proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE;
}

#endif
