// See renewal.h.
#include "renewal.h"

#include "secret.h"

#define MARGIN_MIN ticks_from_seconds(10)
#define RETRY      ticks_from_seconds(10)

tick_t renewal_jitter(tick_t range)
{
	uint32_t r;

	secret_random(&r, sizeof(r));
	return range ? r % range : 0;
}

tick_t renewal_after(tick_t lifetime, bool initiator)
{
	tick_t margin = lifetime / 10;

	if (margin < MARGIN_MIN)
		margin = MARGIN_MIN;
	if (initiator)
		margin += renewal_jitter(margin);
	else
		margin = margin / 2 + renewal_jitter(margin / 2);
	return lifetime > margin ? lifetime - margin : lifetime / 2;
}

tick_t renewal_retry(void)
{
	return RETRY + renewal_jitter(RETRY);
}
