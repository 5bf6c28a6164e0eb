// Which packets are protected, exactly as IOS's crypto maps say (DESIGN, "Policy is exact").
// [C] writes, [W] reads without locks.
//
// The rules of an interface are tried in the order {sequence, line, instance}. Permit: the rule's
// tunnel. Deny: on to the next sequence number. None left: clear. Each hit is verified against the
// whole rule. For the structure see policy.c.
//
// Never a wrong "clear": a miss counts only if the interface's rules stood still during the
// look-up; otherwise the packet is dropped. So the control plane may replace a rule by adding the
// new one and deleting the old one, and a reader that caught neither does not leak.
#ifndef VIGIL_DATAPLANE_POLICY_H
#define VIGIL_DATAPLANE_POLICY_H

#include "dp.h"
#include "prefix_table.h"

struct policy;

enum policy_ports {
	POLICY_PORTS_NONE,    // a protocol without ports: only rules with any ports match
	POLICY_PORTS_KNOWN,   //
	POLICY_PORTS_UNKNOWN, // a later fragment, or cut short
};

// A packet, from this gateway's side: what leaves has its source as `local`, what arrives its
// destination. Host byte order.
struct policy_key {
	uint32_t local, remote;
	uint16_t local_port, remote_port;
	uint8_t proto;
	uint8_t ports; // enum policy_ports
	uint16_t iface;
};

enum policy_verdict {
	POLICY_CLEAR,
	POLICY_PROTECT,  // with the tunnel
	POLICY_CHANGING, // drop: the rules are held, or changed under the look-up
	POLICY_FRAGMENT, // drop: the first rule that fits depends on ports that are not there
};

// At most `max_ifaces` interfaces and about `max_rules` rules. Readers register with `qsbr`. NULL
// and errno.
struct policy *policy_create(uint16_t max_ifaces, uint32_t max_rules, struct rte_rcu_qsbr *qsbr);
// No reader may be left.
void policy_destroy(struct policy *p);

// 0, -EINVAL (interface, ranges), -EAFNOSUPPORT (IPv6), -ENOMEM, -ENOSPC.
int policy_add(struct policy *p, const struct dp_policy_rule *rule, struct handle *policy);
// A stale handle is skipped.
void policy_del(struct policy *p, struct handle policy);
void policy_hold(struct policy *p, uint16_t iface, bool hold);

// [W] The verdict for a packet; `tunnel` is set with POLICY_PROTECT.
enum policy_verdict policy_find(const struct policy *p, const struct policy_key *key,
                                struct handle *tunnel);

// Has an IPv4 protocol port numbers where TCP has them?
static inline bool policy_proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

#endif
