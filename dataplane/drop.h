// Every reason for which a worker drops a packet, and what else it counts. One array a worker, one
// writer (the worker), read by the control core.
#ifndef VIGIL_DATAPLANE_DROP_H
#define VIGIL_DATAPLANE_DROP_H

enum counter {
	// Ethernet and IP in.
	DROP_NOT_OUR_MAC,
	DROP_OWN_FRAME, // our own MAC as source: a loop, or the kernel's own output on af_packet
	DROP_RUNT,
	DROP_ETHERTYPE,
	DROP_VLAN,       // of no subinterface
	DROP_IPV6_HOST,  // not for us, and `ipv6 unicast-routing` is off
	DROP_IPV6_SCOPE, // a link-local address beyond its link
	DROP_IFACE_DOWN,
	DROP_IP_HEADER,
	DROP_IP_CHECKSUM,
	DROP_IP_SOURCE, // of no host: IPv4's nets 0, 127 and 224 to 255; of IPv6 multicast, zero,
	                // loopback or a mapped IPv4 address
	DROP_IP_BROADCAST,
	DROP_IP_OPTIONS, // source route and the like
	DROP_SEGMENTED,
	DROP_TOO_LONG, // in pieces, longer than any buffer
	// Fragments and what is for the gateway itself.
	DROP_FRAGMENT,
	DROP_FRAGMENT_COPY, // of one that waits already
	DROP_FRAGMENT_BIG,
	DROP_NATT_RUNT,
	DROP_UDP_CHECKSUM,
	DROP_IKE_RUNT,
	DROP_PUNT_IKE_ESTABLISHED,
	DROP_PUNT_IKE_NEW,
	DROP_PUNT_FRAME,
	DROP_LOCAL_PROTOCOL,
	DROP_LOCAL_PORT,
	DROP_LOCAL_ICMP,
	// Forwarding.
	DROP_NO_ROUTE,
	DROP_ROUTE_NULL, // the route is one to Null0
	DROP_TTL,
	DROP_HANDOFF_FULL,
	DROP_HANDOFF_HOPS,
	DROP_MTU, // does not fit and may not be fragmented
	DROP_NO_BUFFER,
	DROP_MADE_FULL, // made by the gateway: too many in one turn
	DROP_NEIGHBOUR_FULL,
	DROP_NEIGHBOUR_TIMEOUT,
	DROP_TX_FULL,
	DROP_TX_IFACE_DOWN,
	// ESP, policy and flows.
	DROP_ESP_RUNT,
	DROP_ESP_NO_SA,
	DROP_ESP_LENGTH,
	DROP_ESP_REPLAY,
	DROP_ESP_REPLAY_LATE, // passed the check, but a copy was quicker
	DROP_ESP_AUTH,
	DROP_ESP_PADDING,
	DROP_ESP_INNER,
	DROP_ESP_SELECTOR,
	DROP_ESP_DUMMY,     // next header 59, RFC 4303 2.6
	DROP_ESP_FORWARDED, // not between the two ends of a transport mode SA
	DROP_ESP_FRAGMENT,  // transport mode takes whole datagrams (RFC 4303 3.3.4)
	DROP_ESP_LIFETIME,
	DROP_ESP_CRYPTO,
	DROP_ESP_ENCAP, // UDP where the SA has none, or the reverse
	DROP_ESP_ECN, // congestion marked on the way, and the inner packet cannot say so (RFC 6040)
	DROP_POLICY_CLEAR_IN,
	DROP_POLICY_HELD,
	DROP_POLICY_FRAGMENT, // a later fragment, and the rule depends on ports
	DROP_POLICY_QUOTE,    // an ICMP error about what came out of a tunnel would go out in clear
	DROP_POLICY_BACK,     // ... or that itself, though it belongs to a network behind us
	DROP_TUNNEL_STALE,
	DROP_TUNNEL_HOLD_FULL,
	DROP_TUNNEL_REFUSED,
	DROP_TUNNEL_TIMEOUT,
	DROP_REASONS, // the reasons end here

	COUNT_RX = DROP_REASONS,
	COUNT_TX,
	COUNT_EXPRESS, // went a short way (express.h)
	COUNT_FORWARDED,
	COUNT_LOCAL_ECHO,
	COUNT_LOCAL_ANSWER, // to an echo of ours
	COUNT_LOCAL_TOO_BIG,
	COUNT_NAT_KEEPALIVE,
	COUNT_PUNT_IKE_ESTABLISHED,
	COUNT_PUNT_IKE_NEW,
	COUNT_PUNT_FRAME,
	COUNT_HANDOFF,
	COUNT_JOINED, // pieces copied together
	COUNT_REASSEMBLED,
	COUNT_FRAGMENTED,
	COUNT_ICMP_SENT,
	COUNT_ICMP_LIMITED,
	COUNT_EVENT_LATE, // an event had to wait for room in its ring
	COUNT_ENCRYPTED,
	COUNT_DECRYPTED,
	COUNT_DUMMIES, // sent, RFC 4303 2.6
	COUNT_SLEEPS,
	COUNTERS,
};

// No reason to drop it, where a reason would be returned.
#define DROP_NONE COUNTERS

// e.g. "drop no-route", "forwarded"; NULL beyond the last.
const char *drop_name(unsigned counter);

#endif
