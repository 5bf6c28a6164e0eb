// From the platform's configuration to EAL's arguments, and from EAL's log to ours. [C] Before
// launch; the log sink at any time, on any thread.
#include "eal.h"

#include <errno.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define TELEMETRY_SOCKET "dpdk_telemetry.v2"

static FILE *log_stream;

bool eal_is_pci(const char *device)
{
	unsigned domain, bus, dev, function;
	int end = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &dev, &function, &end) == 4 && end)
		return device[end] == '\0' || device[end] == ',';
	end = 0;
	if (sscanf(device, "%2x:%2x.%1u%n", &bus, &dev, &function, &end) == 3 && end)
		return device[end] == '\0' || device[end] == ',';
	return false;
}

static int add(struct eal_args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int add(struct eal_args *a, const char *format, ...)
{
	va_list list;
	int len;

	if (a->count >= EAL_ARGS_MAX - 1)
		return -E2BIG;
	va_start(list, format);
	len = vasprintf(&a->args[a->count], format, list);
	va_end(list);
	if (len < 0) {
		a->args[a->count] = NULL;
		return -ENOMEM;
	}
	a->count++;
	return 0;
}

// lcore 0 = control, lcore i = worker i - 1, each on its CPU; several may share one.
static int add_lcores(struct eal_args *a, const struct dp_config *c)
{
	char map[DP_WORKERS_MAX * 16];
	size_t at = (size_t)snprintf(map, sizeof(map), "0@%u", c->control_cpu);

	for (unsigned i = 0; i < c->n_workers && at < sizeof(map); i++)
		at += (size_t)snprintf(map + at, sizeof(map) - at, ",%u@%u", i + 1,
		                       c->worker_cpus[i]);
	if (at >= sizeof(map))
		return -E2BIG;
	return add(a, "--lcores=%s", map);
}

static int add_devices(struct eal_args *a, const struct dp_config *c)
{
	bool pci = false;
	int rc = 0;

	for (unsigned i = 0; i < c->n_ports && rc == 0; i++) {
		bool one = eal_is_pci(c->ports[i].device);

		pci |= one;
		rc = add(a, one ? "--allow=%s" : "--vdev=%s", c->ports[i].device);
	}
	return rc == 0 && !pci ? add(a, "--no-pci") : rc;
}

// EAL ends the start if it cannot open its telemetry socket. The folder it makes for the socket it
// needs in any case, so what can go wrong is the length of the path, by way of the environment.
static bool telemetry_fits(void)
{
	const char *dir = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un addr;

	if (!dir)
		dir = getuid() == 0 ? "/var/run" : user ? user : "/tmp";
	return strlen(dir) + sizeof("/dpdk/vigil-2147483647/" TELEMETRY_SOCKET) <=
	       sizeof(addr.sun_path);
}

int eal_args_make(const struct dp_config *config, struct eal_args *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = add(out, "vigil");
	if (rc == 0)
		rc = add_lcores(out, config);
	if (rc == 0)
		rc = add(out, "--main-lcore=0");
	if (rc == 0)
		rc = add(out, "--file-prefix=vigil-%d", (int)getpid());
	if (rc == 0)
		rc = add(out, telemetry_fits() ? "--telemetry" : "--no-telemetry");
	if (rc == 0)
		rc = add(out, "--log-level=*:warning");
	// That it has no socket of the old kind is nothing to be warned of.
	if (rc == 0)
		rc = add(out, "--log-level=lib.telemetry:error");
	// In 22.11 --no-huge and --in-memory exclude each other.
	if (rc == 0)
		rc = add(out, "%s", config->hugepages ? "--in-memory" : "--no-huge");
	if (rc == 0 && !config->hugepages)
		rc = add(out, "--no-shconf");
	if (rc == 0)
		rc = add(out, "-m");
	if (rc == 0)
		rc = add(out, "%u", config->memory_mb);
	return rc == 0 ? add_devices(out, config) : rc;
}

void eal_args_free(struct eal_args *args)
{
	for (int i = 0; i < args->count; i++)
		free(args->args[i]);
	memset(args, 0, sizeof(*args));
}

void eal_tidy(void)
{
	const char *dir = rte_eal_get_runtime_dir();

	char path[PATH_MAX];

	// Only our own (the prefix is ours), and only if nothing else is there.
	if (!dir || !strstr(dir, "/vigil-"))
		return;
	snprintf(path, sizeof(path), "%s/" TELEMETRY_SOCKET, dir);
	unlink(path);
	rmdir(dir);
}

// ---- log -------------------------------------------------------------------------------------

static ssize_t log_write(void *cookie, const char *text, size_t len)
{
	struct dp *dp = cookie;
	char line[LOG_LINE_MAX];
	size_t n = len < sizeof(line) - 1 ? len : sizeof(line) - 1;

	if (!pthread_equal(pthread_self(), dp->control_thread))
		return (ssize_t)len;
	memcpy(line, text, n);
	while (n && (line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	line[n] = '\0';
	if (n == 0)
		return (ssize_t)len;
	snprintf(dp->eal_error, sizeof(dp->eal_error), "%.*s", (int)sizeof(dp->eal_error) - 1,
	         line);
	if (dp->log)
		log_msg(dp->log, LOG_WARNING, "PLATFORM", "EAL", "%s", line);
	return (ssize_t)len;
}

int eal_log_open(struct dp *dp)
{
	const cookie_io_functions_t functions = {.write = log_write};

	log_stream = fopencookie(dp, "w", functions);
	if (!log_stream)
		return -errno;
	setvbuf(log_stream, NULL, _IOLBF, 0);
	return rte_openlog_stream(log_stream) ? -EINVAL : 0;
}

void eal_log_close(void)
{
	rte_openlog_stream(NULL);
	if (log_stream)
		fclose(log_stream);
	log_stream = NULL;
}
