/** First line of each page that is made from the code. */
export const NOTE = "<!-- Made by npm run reference; edit the code, not this page. -->\n\n";
