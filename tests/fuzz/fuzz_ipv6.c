// Arbitrary bytes as an IPv6 packet: never a byte read beyond it, and what is found in its chain of
// headers lies in front of its payload, whatever follows.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipv6.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static bool same(const struct ipv6_chain *a, const struct ipv6_chain *b)
{
	return a->payload == b->payload && a->fragment == b->fragment && a->option == b->option &&
	       a->proto == b->proto && a->later == b->later && a->routed == b->routed;
}

// The chain of a copy of exactly this length, so that a read beyond it is seen.
static bool chain_of(const uint8_t *data, uint32_t len, struct ipv6_chain *chain)
{
	uint8_t *packet = malloc(len);
	bool found;

	expect(packet);
	memcpy(packet, data, len);
	found = ipv6_chain(packet, len, chain);
	free(packet);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipv6_chain chain, again;
	uint32_t total;

	if (size > UINT16_MAX || !ipv6_is_whole(data, (uint32_t)size, &total))
		return 0;
	expect(total >= 40 && total <= size);
	if (!chain_of(data, total, &chain))
		return 0;
	expect(chain.payload >= 40 && chain.payload <= total);
	expect(!chain.later || chain.fragment);
	expect(!chain.fragment ||
	       (chain.fragment >= 40 && chain.fragment + IPV6_FRAGMENT_SIZE <= chain.payload));
	expect(!chain.option || (chain.option >= 42 && chain.option < chain.payload));
	expect(!chain.routed || (chain.routed >= 40 && chain.routed + 8 <= chain.payload));
	// Headers alone say the same.
	expect(chain_of(data, chain.payload, &again) && same(&chain, &again));
	return 0;
}
