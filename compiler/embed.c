/* embed.c -- writes the named files as a C table, so that aec carries its prelude, its
 * runtime and its pages.
 *
 *     embed FILE... > embedded.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    printf("#include \"driver.h\"\n\n");
    for (int k = 1; k < argc; k++) {
        FILE *f = fopen(argv[k], "rb");
        if (!f) {
            perror(argv[k]);
            return 1;
        }
        printf("static const char text%d[] = {", k);
        int n = 0;
        for (int c; (c = getc(f)) != EOF; n++)
            printf("%s%d,", n % 24 ? "" : "\n", (signed char) c);
        printf("0};\n");
        fclose(f);
    }
    printf("\nconst Source embedded[] = {\n");
    for (int k = 1; k < argc; k++)
        printf("    { \"%s\", text%d, sizeof text%d - 1, %d },\n", argv[k], k, k,
               !strncmp(argv[k], "prelude/", 8));
    printf("    { 0 }\n};\n");
    return fflush(stdout) ? 1 : 0;
}
