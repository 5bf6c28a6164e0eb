// Names of what workers count, and the contract's view of the counters. [C] reads, [W] writes; a
// reader may see a counter that is a moment old, never a torn one.
#include "drop.h"

#include "worker.h"

static const char *const names[COUNTERS] = {
	[DROP_NOT_OUR_MAC] = "drop not-our-mac",
	[DROP_OWN_FRAME] = "drop own-frame",
	[DROP_RUNT] = "drop runt",
	[DROP_VLAN] = "drop vlan",
	[DROP_ETHERTYPE] = "drop ethertype",
	[DROP_IPV6_HOST] = "drop ipv6-not-routing",
	[DROP_IPV6_SCOPE] = "drop ipv6-scope",
	[DROP_IFACE_DOWN] = "drop interface-down",
	[DROP_IP_HEADER] = "drop ip-header",
	[DROP_IP_CHECKSUM] = "drop ip-checksum",
	[DROP_IP_SOURCE] = "drop ip-source",
	[DROP_IP_BROADCAST] = "drop ip-broadcast",
	[DROP_IP_OPTIONS] = "drop ip-options",
	[DROP_SEGMENTED] = "drop segmented",
	[DROP_TOO_LONG] = "drop too-long",
	[DROP_FRAGMENT] = "drop fragment",
	[DROP_FRAGMENT_COPY] = "drop fragment-copy",
	[DROP_FRAGMENT_BIG] = "drop fragment-too-big",
	[DROP_NATT_RUNT] = "drop natt-runt",
	[DROP_UDP_CHECKSUM] = "drop udp-checksum",
	[DROP_IKE_RUNT] = "drop ike-runt",
	[DROP_PUNT_IKE_ESTABLISHED] = "drop punt-ike-established",
	[DROP_PUNT_IKE_NEW] = "drop punt-ike-new",
	[DROP_PUNT_FRAME] = "drop punt-frame",
	[DROP_LOCAL_PROTOCOL] = "drop local-protocol",
	[DROP_LOCAL_PORT] = "drop local-port",
	[DROP_LOCAL_ICMP] = "drop local-icmp",
	[DROP_NO_ROUTE] = "drop no-route",
	[DROP_ROUTE_NULL] = "drop route-null",
	[DROP_TTL] = "drop ttl",
	[DROP_HANDOFF_FULL] = "drop handoff-full",
	[DROP_HANDOFF_HOPS] = "drop handoff-hops",
	[DROP_MTU] = "drop mtu",
	[DROP_NO_BUFFER] = "drop no-buffer",
	[DROP_MADE_FULL] = "drop made-full",
	[DROP_NEIGHBOUR_FULL] = "drop neighbour-full",
	[DROP_NEIGHBOUR_TIMEOUT] = "drop neighbour-timeout",
	[DROP_TX_FULL] = "drop tx-full",
	[DROP_TX_IFACE_DOWN] = "drop tx-interface-down",
	[DROP_ESP_RUNT] = "drop esp-runt",
	[DROP_ESP_NO_SA] = "drop esp-no-sa",
	[DROP_ESP_LENGTH] = "drop esp-length",
	[DROP_ESP_REPLAY] = "drop esp-replay",
	[DROP_ESP_REPLAY_LATE] = "drop esp-replay-late",
	[DROP_ESP_AUTH] = "drop esp-auth",
	[DROP_ESP_PADDING] = "drop esp-padding",
	[DROP_ESP_INNER] = "drop esp-inner",
	[DROP_ESP_SELECTOR] = "drop esp-selector",
	[DROP_ESP_DUMMY] = "drop esp-dummy",
	[DROP_ESP_FORWARDED] = "drop esp-forwarded",
	[DROP_ESP_FRAGMENT] = "drop esp-fragment",
	[DROP_ESP_LIFETIME] = "drop esp-lifetime",
	[DROP_ESP_CRYPTO] = "drop esp-crypto",
	[DROP_ESP_ENCAP] = "drop esp-encap",
	[DROP_ESP_ECN] = "drop esp-ecn",
	[DROP_POLICY_CLEAR_IN] = "drop policy-clear-in",
	[DROP_POLICY_HELD] = "drop policy-held",
	[DROP_POLICY_FRAGMENT] = "drop policy-fragment",
	[DROP_POLICY_QUOTE] = "drop policy-quote",
	[DROP_POLICY_BACK] = "drop policy-back-in-clear",
	[DROP_TUNNEL_STALE] = "drop tunnel-stale",
	[DROP_TUNNEL_HOLD_FULL] = "drop tunnel-hold-full",
	[DROP_TUNNEL_REFUSED] = "drop tunnel-refused",
	[DROP_TUNNEL_TIMEOUT] = "drop tunnel-timeout",
	[COUNT_RX] = "received",
	[COUNT_TX] = "sent",
	[COUNT_EXPRESS] = "by the short way",
	[COUNT_FORWARDED] = "forwarded",
	[COUNT_LOCAL_ECHO] = "icmp echo answered",
	[COUNT_LOCAL_ANSWER] = "icmp echo answers heard",
	[COUNT_LOCAL_TOO_BIG] = "icmp too big heard",
	[COUNT_NAT_KEEPALIVE] = "nat keepalives received",
	[COUNT_PUNT_IKE_ESTABLISHED] = "punted ike-established",
	[COUNT_PUNT_IKE_NEW] = "punted ike-new",
	[COUNT_PUNT_FRAME] = "punted frames",
	[COUNT_HANDOFF] = "handed off",
	[COUNT_JOINED] = "joined",
	[COUNT_REASSEMBLED] = "reassembled",
	[COUNT_FRAGMENTED] = "fragmented",
	[COUNT_ICMP_SENT] = "icmp errors sent",
	[COUNT_ICMP_LIMITED] = "icmp errors suppressed",
	[COUNT_EVENT_LATE] = "events delayed",
	[COUNT_ENCRYPTED] = "encrypted",
	[COUNT_DECRYPTED] = "decrypted",
	[COUNT_DUMMIES] = "dummies sent",
	[COUNT_SLEEPS] = "idle sleeps",
};

const char *drop_name(unsigned counter)
{
	return counter < COUNTERS ? names[counter] : NULL;
}

unsigned dp_workers(const struct dp *dp)
{
	return dp->n_workers;
}

unsigned dp_counters(const struct dp *dp)
{
	(void)dp;
	return COUNTERS;
}

const char *dp_counter_name(const struct dp *dp, unsigned counter)
{
	(void)dp;
	return drop_name(counter);
}

uint64_t dp_counter(const struct dp *dp, unsigned worker, unsigned counter)
{
	if (worker >= dp->n_workers || counter >= COUNTERS)
		return 0;
	return __atomic_load_n(&dp->workers[worker]->counters[counter], __ATOMIC_RELAXED);
}
